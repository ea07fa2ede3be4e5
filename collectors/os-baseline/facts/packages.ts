import {
  databaseFiles,
  type DatabaseFile,
  longestDatabaseBytes,
} from '../../software-inventory/databases/files.js';
import type { PackageManager } from '../../software-inventory/databases/package.js';
import { ParagraphReader } from '../../software-inventory/databases/paragraphs.js';
import type { HostFiles } from './host-files.js';
import type { SubjectReader } from './fact-reader.js';
import { absent, found, type Reading } from './reading.js';

/** The installed packages of the device. */
export interface Packages {
  readonly manager: PackageManager;
  /** Version by name. */
  readonly versions: ReadonlyMap<string, string>;
}

const mostPackages = 50_000;

export const readPackages: SubjectReader<Packages> = async ({ files }) => {
  for (const database of databaseFiles) {
    const reading = await readDatabase(files, database);
    if (!('absent' in reading)) return reading;
  }
  return absent('there is no database of packages that the agent reads (dpkg, opkg, apk)');
};

async function readDatabase(
  files: HostFiles,
  { path, format }: DatabaseFile,
): Promise<Reading<Packages>> {
  const versions = new Map<string, string>();
  const reader = new ParagraphReader(format, ({ name, version }) => {
    if (versions.size < mostPackages) versions.set(name, version);
  });
  const read = await files.lines(path, longestDatabaseBytes, (line) => reader.line(line));
  if (!('value' in read)) return read;
  reader.end();
  return found({ manager: format.manager, versions });
}
