import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../base/json.js';

export interface BillOptions {
  readonly components: readonly JsonObject[];
  /** The operating system, as os-release(5) tells it; empty where no file does. */
  readonly system: ReadonlyMap<string, string>;
  /** Of the agent. */
  readonly version: string;
  /** Wall clock, ms. */
  readonly timeMs: number;
}

/**
 * The bill of materials of the running device in CycloneDX 1.6: the operating system, of which the packages are parts, in an
 * order that depends on nothing but them. Whether it is complete is not known: only what a package manager installed is in it.
 */
export function billOfMaterials({ components, system, version, timeMs }: BillOptions): JsonObject {
  const of = (name: string): string | undefined => system.get(name);
  const name = of('ID') ?? 'linux';
  const release = of('VERSION_ID') ?? of('BUILD_ID');
  const ref = `os:${[name, release].filter(Boolean).join('-')}`;
  const described = of('PRETTY_NAME');
  const body = {
    metadata: {
      timestamp: new Date(timeMs).toISOString(),
      lifecycles: [{ phase: 'operations' }],
      tools: { components: [{ type: 'application', name: 'iot-security-agent', version }] },
      component: {
        type: 'operating-system',
        'bom-ref': ref,
        name,
        ...(release !== undefined && { version: release }),
        ...(described !== undefined && { description: described }),
      },
    },
    components: inOrder(components),
    compositions: [{ aggregate: 'unknown', assemblies: [ref] }],
  };
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    version: 1,
    ...body,
  };
}

/** By reference; what two databases tell of one and the same stands once, as a reference must. */
function inOrder(components: readonly JsonObject[]): JsonObject[] {
  const byRef = new Map(
    components.map((component) => [JSON.stringify(component['bom-ref']), component]),
  );
  return [...byRef].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, component]) => component);
}

/** A UUID of version 8 (RFC 9562): the same bill has the same number, and one of another moment another. */
function uuidOf(text: string): string {
  const hash = createHash('sha256').update(text).digest('hex');
  const parts = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(13, 16)}`];
  return [...parts, `8${hash.slice(17, 20)}`, hash.slice(20, 32)].join('-');
}
