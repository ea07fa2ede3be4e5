import { isJsonObject, type JsonObject } from '../../base/json.js';
import {
  type InstalledPackage,
  type PackageManager,
  packageManagers,
} from './databases/package.js';

/** What the last look found, as it is remembered: a text a package, so that thousands stay small. */
export interface Known {
  /** When all packages were told the last time; wall clock, ms. */
  readonly wholeMs: number;
  /** What the databases looked like, by their path; `rpm` for that of rpm. */
  readonly stamps: Readonly<Record<string, string>>;
  /** Managers whose packages were told. */
  readonly managers: ReadonlySet<PackageManager>;
  /** Manager, name, architecture and version, parted by tabs. */
  readonly lines: readonly string[];
}

/** What is remembered has its limit (1 MiB); a package takes 45 characters. */
export const mostCharacters = 800_000;

/** A tab cannot be in any of them: unprintable characters are escaped. */
export function lineOf({ manager, name, architecture, version }: InstalledPackage): string {
  return `${manager}\t${name}\t${architecture ?? ''}\t${version}`;
}

export interface KnownPackage {
  readonly manager: PackageManager;
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
}

export function readLine(line: string): KnownPackage | undefined {
  const [written, name = '', architecture = '', version = '', more] = line.split('\t');
  const manager = packageManagers.find((known) => known === written);
  if (manager === undefined || name === '' || version === '' || more !== undefined)
    return undefined;
  return { manager, name, architecture, version };
}

/** Checks what was remembered; undefined when it is of no use, so that all is told anew. */
export function parseKnown(value: JsonObject | undefined): Known | undefined {
  const { lines, managers, stamps, wholeMs } = value ?? {};
  if (typeof wholeMs !== 'number' || !isJsonObject(stamps)) return undefined;
  if (!Array.isArray(managers) || !Array.isArray(lines)) return undefined;
  const texts = lines.filter((line): line is string => typeof line === 'string');
  return {
    wholeMs,
    stamps: Object.fromEntries(
      Object.entries(stamps).filter((entry): entry is [string, string] => {
        return typeof entry[1] === 'string';
      }),
    ),
    managers: new Set(packageManagers.filter((manager) => managers.includes(manager))),
    lines: texts.filter((line) => readLine(line) !== undefined),
  };
}

export function toMemory({ lines, managers, stamps, wholeMs }: Known): JsonObject {
  return { wholeMs, stamps, managers: [...managers], lines };
}

/** A package that came, went or has another version. */
export type Difference =
  | { readonly change: 'Installed'; readonly line: string }
  | { readonly change: 'Updated'; readonly line: string; readonly before: KnownPackage }
  | { readonly change: 'Removed'; readonly before: KnownPackage };

/**
 * What became of the packages of `managers` from one look to the next. One of which there was one version and is one is
 * updated; of those that are there in several versions, as kernels are, each comes and goes by itself.
 */
export function differences(
  before: readonly string[],
  now: ReadonlySet<string>,
  managers: ReadonlySet<PackageManager>,
): Difference[] {
  const known = new Set(before);
  const keyOf = (line: string): string => line.slice(0, line.lastIndexOf('\t'));
  const counts = (lines: Iterable<string>): ReadonlyMap<string, number> => {
    const count = new Map<string, number>();
    for (const line of lines) count.set(keyOf(line), (count.get(keyOf(line)) ?? 0) + 1);
    return count;
  };
  const gone = before.filter((line) => !now.has(line));
  const come = [...now].filter((line) => !known.has(line));
  if (gone.length + come.length === 0) return [];
  const [countsBefore, countsNow] = [counts(known), counts(now)];
  const isSingle = (line: string): boolean =>
    countsBefore.get(keyOf(line)) === 1 && countsNow.get(keyOf(line)) === 1;
  const goneByKey = new Map(gone.filter(isSingle).map((line) => [keyOf(line), line]));
  const found: Difference[] = come.map((line) => {
    const old = isSingle(line) ? readLine(goneByKey.get(keyOf(line)) ?? '') : undefined;
    if (old === undefined) return { change: 'Installed', line };
    return { change: 'Updated', line, before: old };
  });
  for (const line of gone) {
    const old = readLine(line);
    if (old === undefined || !managers.has(old.manager) || isSingle(line)) continue;
    found.push({ change: 'Removed', before: old });
  }
  return found;
}
