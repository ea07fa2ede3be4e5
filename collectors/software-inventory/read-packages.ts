import { isUnavailable } from '../../base/unavailable.js';
import type { Inventory } from '../inventory/client.js';
import { failureOf } from '../inventory/failure.js';
import type { Paths } from '../kernel/paths.js';
import { findDatabases, type FoundDatabase, readDatabase } from './databases/files.js';
import type { InstalledPackage, PackageManager } from './databases/package.js';
import { findRpm, parseRpm } from './databases/rpm.js';

/** The databases of packages that a device has, before anything of them is read. */
export interface PackageSources {
  readonly files: readonly FoundDatabase[];
  /** The database of rpm has changed when this has; absent: there is none. */
  readonly rpm?: string;
  /** What cannot be seen, a sentence each. */
  readonly unseen: readonly string[];
}

export async function findPackageSources(paths: Pick<Paths, 'root'>): Promise<PackageSources> {
  const { found, unseen } = await findDatabases(paths);
  const rpm = await findRpm(paths);
  return { files: found, unseen, ...(rpm !== undefined && { rpm }) };
}

export const noSources =
  'There is no database of packages that the agent reads (dpkg, opkg, apk, rpm).';

/** Under which name the database of rpm, which is no one file, stands among the stamps. */
export const rpmStamp = 'rpm';

interface PackagesRead {
  /** Those whose packages were handed over, all of them. */
  readonly managers: ReadonlySet<PackageManager>;
  /** The databases that were read, with what they looked like before, by their path. */
  readonly stamps: Readonly<Record<string, string>>;
  readonly unseen: readonly string[];
  /** Paragraphs and lines that could not be taken. */
  readonly unparsed: number;
}

interface ReadOptions {
  readonly paths: Pick<Paths, 'root'>;
  /** Asks rpm, whose database only its programs read. */
  readonly inventory: Inventory;
  readonly signal: AbortSignal;
  readonly onPackage: (found: InstalledPackage) => void;
}

/**
 * Hands over every installed package of the device, one after the other.
 * @throws Error when a database of which it was known that it is there cannot be read
 */
export async function readPackages(
  sources: PackageSources,
  { paths, inventory, signal, onPackage }: ReadOptions,
): Promise<PackagesRead> {
  const managers = new Set<PackageManager>();
  const stamps: Record<string, string> = {};
  const unseen = [...sources.unseen];
  let unparsed = 0;
  for (const file of sources.files) {
    const read = await readDatabase(paths, file, signal, onPackage);
    unparsed += read.unparsed;
    if (read.cut) {
      unseen.push(`${file.path} is longer than is read: some packages are not told.`);
      continue;
    }
    managers.add(file.format.manager);
    stamps[file.path] = file.stamp;
  }
  if (sources.rpm !== undefined) {
    const answer = await inventory.ask('packages', signal);
    const rpm = isUnavailable(answer)
      ? undefined
      : answer.programs.find(({ program }) => program === 'rpm');
    const failure = isUnavailable(answer) ? answer.unavailable : failureOf(rpm, 'rpm');
    if (rpm === undefined || failure !== undefined) {
      unseen.push(`The packages of rpm are not known. ${failure ?? ''}`.trim());
    } else {
      unparsed += parseRpm(rpm.stdout, onPackage);
      managers.add('rpm');
      stamps[rpmStamp] = sources.rpm;
    }
  }
  return { managers, stamps, unseen, unparsed };
}
