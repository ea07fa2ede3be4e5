import type { HostFiles } from './host-files.js';
import type { SubjectReader } from './fact-reader.js';
import { absent, found, type Reading } from './reading.js';

/** The installed packages of the device. */
export interface Packages {
  readonly manager: 'dpkg' | 'opkg' | 'apk';
  /** Version by name. */
  readonly versions: ReadonlyMap<string, string>;
}

/** A full desktop takes 6 MB. */
const longestDatabaseBytes = 64 * 1024 * 1024;
const mostPackages = 50_000;

interface Database {
  readonly manager: Packages['manager'];
  readonly path: string;
  /** How a paragraph names the package, its version and, where it may be known without being there, its state. */
  readonly fields: { readonly name: string; readonly version: string; readonly status?: string };
}

const dpkgFields = { name: 'Package: ', version: 'Version: ', status: 'Status: ' };

/** Paragraphs of `Field: value` lines parted by empty ones: deb822(5), which opkg took over, and apk's database. */
const databases: readonly Database[] = [
  { manager: 'dpkg', path: '/var/lib/dpkg/status', fields: dpkgFields },
  { manager: 'opkg', path: '/var/lib/opkg/status', fields: dpkgFields },
  { manager: 'opkg', path: '/usr/lib/opkg/status', fields: dpkgFields },
  { manager: 'apk', path: '/lib/apk/db/installed', fields: { name: 'P:', version: 'V:' } },
];

/** Takes the lines of a database; `finish` after the last. */
export class PackageLines {
  readonly versions = new Map<string, string>();
  private name = '';
  private version = '';
  private status: string | undefined;

  constructor(private readonly fields: Database['fields']) {}

  take(line: string): void {
    const { name, version, status } = this.fields;
    if (line.trim() === '') this.finish();
    else if (line.startsWith(name)) this.name = line.slice(name.length).trim();
    else if (line.startsWith(version)) this.version = line.slice(version.length).trim();
    else if (status !== undefined && line.startsWith(status))
      this.status = line.slice(status.length).trim();
  }

  finish(): void {
    const isThere = this.status === undefined || this.status.endsWith(' installed');
    if (this.name !== '' && isThere && this.versions.size < mostPackages)
      this.versions.set(this.name, this.version);
    this.name = '';
    this.version = '';
    this.status = undefined;
  }
}

export const readPackages: SubjectReader<Packages> = async ({ files }) => {
  for (const database of databases) {
    const reading = await readDatabase(files, database);
    if (!('absent' in reading)) return reading;
  }
  return absent('there is no database of packages that the agent reads (dpkg, opkg, apk)');
};

async function readDatabase(
  files: HostFiles,
  { manager, path, fields }: Database,
): Promise<Reading<Packages>> {
  const lines = new PackageLines(fields);
  const read = await files.lines(path, longestDatabaseBytes, (line) => lines.take(line));
  if (!('value' in read)) return read;
  lines.finish();
  return found({ manager, versions: lines.versions });
}
