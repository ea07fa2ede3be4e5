import { readBoundedFile } from '../../base/bounded-file.js';
import type { JsonObject } from '../../base/json.js';
import { printable } from '../../base/text.js';
import type { Unavailable } from '../../base/unavailable.js';
import type { Inventory } from '../inventory/client.js';
import { parseOsRelease } from '../kernel/files/os-release.js';
import type { Paths } from '../kernel/paths.js';
import { billOfMaterials, type BillOptions } from './bill/bill.js';
import { componentOf } from './bill/component.js';
import type { Distribution } from './bill/purl.js';
import type { InstalledPackage } from './databases/package.js';
import { furtherFacts } from './licences/further.js';
import { findPackageSources, noSources, readPackages } from './read-packages.js';

interface TakeOptions extends Pick<BillOptions, 'version' | 'timeMs'> {
  readonly paths: Pick<Paths, 'root' | 'etcRoot' | 'usrRoot'>;
  readonly inventory: Inventory;
  readonly signal: AbortSignal;
}

const longestOsRelease = 64 * 1024;
const longestValue = 200;

/** Makes the bill of materials of the device; `unseen` says what is missing in it. */
export async function takeBill(
  options: TakeOptions,
): Promise<{ readonly bill: JsonObject; readonly unseen: readonly string[] } | Unavailable> {
  const { paths, signal } = options;
  const system = await osRelease(paths);
  const sources = await findPackageSources(paths);
  const packages: InstalledPackage[] = [];
  const read = await readPackages(sources, {
    ...options,
    onPackage: (found) => void packages.push(found),
  });
  if (packages.length === 0) return { unavailable: read.unseen.join(' ') || noSources };
  const distribution = distributionOf(system);
  const components: JsonObject[] = [];
  for (const found of packages)
    components.push(componentOf(found, await furtherFacts(paths, found, signal), distribution));
  const unseen = [...read.unseen];
  if (read.unparsed > 0)
    unseen.push(`${read.unparsed} records of the databases of packages could not be read.`);
  return { bill: billOfMaterials({ ...options, system, components }), unseen };
}

/** The file in /etc goes before that of the vendor. */
async function osRelease({
  etcRoot,
  usrRoot,
}: TakeOptions['paths']): Promise<ReadonlyMap<string, string>> {
  for (const path of [`${etcRoot}/os-release`, `${usrRoot}/lib/os-release`]) {
    const content = await readBoundedFile(path, longestOsRelease).catch(() => undefined);
    if (content === undefined) continue;
    const variables = parseOsRelease(content.bytes.toString('utf8'));
    return new Map([...variables].map(([name, value]) => [name, printable(value, longestValue)]));
  }
  return new Map();
}

function distributionOf(system: ReadonlyMap<string, string>): Distribution | undefined {
  const id = system.get('ID');
  const version = system.get('VERSION_ID');
  // Anything else is no name of a distribution, and no release of one (os-release(5)).
  const isWord = /^[A-Za-z0-9._-]{1,64}$/;
  if (id === undefined || !isWord.test(id)) return undefined;
  return { id, ...(version !== undefined && isWord.test(version) && { version }) };
}
