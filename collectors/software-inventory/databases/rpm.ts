import { stat } from 'node:fs/promises';
import type { Paths } from '../../kernel/paths.js';
import type { InstalledPackage } from './package.js';
import { tidy } from './paragraphs.js';

const fields = ['NAME', 'VERSION', 'ARCH', 'VENDOR', 'LICENSE', 'SOURCERPM', 'URL'] as const;
const epochVersionRelease = '%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}';

/** What `rpm` is asked: a line a package, its fields parted by tabs. No file of its database is made for others to read. */
export const rpmArguments: readonly string[] = [
  '-qa',
  '--queryformat',
  `${fields.map((field) => (field === 'VERSION' ? epochVersionRelease : `%{${field}}`)).join('\\t')}\\n`,
];

/** Where rpm has its database, in each of its three formats. */
export const rpmDatabases = ['/usr/lib/sysimage/rpm', '/usr/share/rpm', '/var/lib/rpm'].flatMap(
  (directory) => ['rpmdb.sqlite', 'Packages.db', 'Packages'].map((name) => `${directory}/${name}`),
);

/** The stamp of the database of rpm; undefined where the device has none. */
export async function findRpm(paths: Pick<Paths, 'root'>): Promise<string | undefined> {
  for (const path of rpmDatabases) {
    const found = await stat(paths.root + path).catch(() => undefined);
    if (found === undefined) continue;
    // SQLite writes into its log first; which is part of the database as long as it is there.
    const log = await stat(`${paths.root}${path}-wal`).catch(() => undefined);
    return [found, log].map((file) => file && `${file.ino} ${file.size} ${file.mtimeMs}`).join(' ');
  }
  return undefined;
}

/**
 * The packages of an answer to `rpmArguments`.
 * @param onPackage gets each package
 * @returns how many lines could not be taken
 */
export function parseRpm(text: string, onPackage: (found: InstalledPackage) => void): number {
  let unparsed = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const values = line.split('\t');
    const of = (field: (typeof fields)[number]): string | undefined => {
      const value = tidy(values[fields.indexOf(field)]);
      return value === '(none)' ? undefined : value;
    };
    const name = of('NAME');
    const version = of('VERSION');
    if (values.length !== fields.length || name === undefined || version === undefined) {
      unparsed++;
      continue;
    }
    // The keys that signatures are checked with stand among the packages.
    if (name === 'gpg-pubkey') continue;
    const architecture = of('ARCH');
    const supplier = of('VENDOR');
    const license = of('LICENSE');
    const homepage = of('URL');
    onPackage({
      manager: 'rpm',
      name,
      version,
      ...(architecture !== undefined && { architecture }),
      ...(supplier !== undefined && { supplier }),
      ...(license !== undefined && { license }),
      ...sourceOfRpm(of('SOURCERPM'), name, version),
      ...(homepage !== undefined && { homepage }),
    });
  }
  return unparsed;
}

/** `bash-5.2.26-3.fc40.src.rpm`. */
function sourceOfRpm(
  file: string | undefined,
  name: string,
  version: string,
): Pick<InstalledPackage, 'source' | 'sourceVersion'> {
  const [, source, sourceVersion] = /^(.+)-([^-]+-[^-]+)\.(?:no)?src\.rpm$/.exec(file ?? '') ?? [];
  const withoutEpoch = version.replace(/^\d+:/, '');
  return {
    ...(source !== undefined && source !== name && { source }),
    ...(sourceVersion !== undefined && sourceVersion !== withoutEpoch && { sourceVersion }),
  };
}
