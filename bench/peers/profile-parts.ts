import { SourceMap, type SourceMapPayload } from 'node:module';

/** A profile as V8 writes it: a tree of calls, and which call was at work at each sample. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

/** Which part of the work a file does, the first that fits; paths from the root of the project. */
const parts: readonly (readonly [string, RegExp])[] = [
  [
    'reading',
    /^collectors\/kernel\/(?:[^/]+\.ts|audit\/(?:stream|feed|guard|control|ownership)\.ts)$/,
  ],
  ['parsing', /^collectors\/kernel\/(?:audit|trace|sockets)\//],
  ['facts', /^collectors\//],
  ['masking', /^agent\/pipeline\/redaction\//],
  ['judging', /^(?:agent\/)?detection\//],
  ['counting', /^agent\/pipeline\/aggregation\//],
  ['journal', /^agent\/(?:spool|history|state)\//],
  ['preparing', /^agent\/(?:pipeline|runner|accounting)\//],
  ['sending', /^(?:agent\/(?:uplink|hub|twin|status)|node_modules)\//],
];

const collector = 'collector of garbage';

/** Which file of the project a place in a bundle comes from, by the map of the bundle; both count from 0. */
export type FileAt = (line: number, column: number) => string | undefined;

/** @param payload what esbuild wrote beside the bundle, in a folder of the project */
export function filesOf(payload: SourceMapPayload): FileAt {
  const map = new SourceMap(payload);
  return (line, column) => {
    const entry = map.findEntry(line, column);
    return 'originalSource' in entry ? entry.originalSource.replace(/^(?:\.\.\/)+/, '') : undefined;
  };
}

export function partOf(path: string): string {
  return parts.find(([, files]) => files.test(path))?.[0] ?? 'the rest';
}

/**
 * Microseconds of each part. What is Node's own or the kernel's counts for the file of the project that called it; what
 * nobody called, to Node. Rest is left out.
 */
export function timeOfParts(
  { nodes, samples, timeDeltas }: CpuProfile,
  fileAt: FileAt,
  bundleName: string,
): ReadonlyMap<string, number> {
  const parents = new Map(
    nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const known = new Map<number, string | undefined>();
  const find = (id: number): string | undefined => {
    const frame = byId.get(id)?.callFrame;
    if (frame === undefined) return 'Node itself';
    if (frame.functionName === '(idle)') return undefined;
    if (frame.functionName === '(garbage collector)') return collector;
    if (frame.url.endsWith(bundleName)) {
      const path = fileAt(frame.lineNumber, frame.columnNumber);
      if (path !== undefined) return partOf(path);
    }
    const parent = parents.get(id);
    return parent === undefined ? 'Node itself' : partFor(parent);
  };
  const partFor = (id: number): string | undefined => {
    if (!known.has(id)) known.set(id, find(id));
    return known.get(id);
  };
  const times = new Map<string, number>();
  for (const [at, id] of samples.entries()) {
    const part = partFor(id);
    if (part !== undefined) times.set(part, (times.get(part) ?? 0) + (timeDeltas[at] ?? 0));
  }
  return times;
}
