import type { PackageManager } from '../databases/package.js';

/** What a program says of packages of which it knows a newer version. */
export interface Counted {
  readonly available: number;
  /** Of these, those that mend a weakness; undefined where the lists of the manager do not tell them apart. */
  readonly security?: number;
}

/** How a package manager is asked about newer versions that it knows, without fetching anything. */
export interface UpdateProgram {
  readonly manager: PackageManager;
  readonly program: string;
  readonly arguments: readonly string[];
  /** Where it keeps lists of what there is, and what their files are called: without any, it knows nothing. */
  readonly lists: readonly (readonly [directory: string, name: RegExp])[];
  /** Made or changed each time the lists are brought up to date, also where there was nothing new. */
  readonly stamps: readonly string[];
  /** Undefined for what it never says. */
  readonly parse: (text: string) => Counted | undefined;
}

/** rpm itself knows no newer versions, and dnf and zypper fetch lists when they are asked. */
export const updatePrograms: readonly UpdateProgram[] = [
  {
    manager: 'dpkg',
    program: 'apt-get',
    arguments: [
      ...['--just-print', '-o', 'Debug::NoLocking=true'],
      // Also what is held back by the owner, or by the maker for the time being: a newer version is known.
      ...['--ignore-hold', '-o', 'APT::Get::Always-Include-Phased-Updates=true'],
      // Root would write its cache of the lists otherwise.
      ...['-o', 'Dir::Cache::pkgcache=', '-o', 'Dir::Cache::srcpkgcache='],
      'dist-upgrade',
    ],
    lists: [['/var/lib/apt/lists', /_Packages(?:\.\w+)?$/]],
    stamps: [
      '/var/lib/apt/lists',
      '/var/lib/apt/lists/partial',
      '/var/lib/apt/periodic/update-success-stamp',
    ],
    parse: parseApt,
  },
  {
    manager: 'opkg',
    program: 'opkg',
    arguments: ['list-upgradable'],
    lists: [
      ['/var/opkg-lists', /./],
      ['/var/lib/opkg/lists', /./],
    ],
    stamps: ['/var/opkg-lists', '/var/lib/opkg/lists'],
    parse: (text) => ({ available: countLines(text, /^\S+ - \S+ - \S+$/) }),
  },
  {
    manager: 'apk',
    program: 'apk',
    arguments: ['version', '-l', '<'],
    lists: [
      ['/var/cache/apk', /^APKINDEX\..*\.tar\.gz$/],
      ['/etc/apk/cache', /^APKINDEX\..*\.tar\.gz$/],
    ],
    stamps: ['/var/cache/apk', '/etc/apk/cache'],
    parse: (text) => ({ available: countLines(text, /^\S+\s+<\s+\S+(?:\s+@\S+)?$/) }),
  },
];

/**
 * `Inst NAME [old] (new Origin:release/archive, … [arch])` for each that would be installed, and how many at the end. Those
 * that apt would leave as they are, because of what they need, are only counted there.
 */
function parseApt(text: string): Counted | undefined {
  const [, upgraded, kept] =
    /^(\d{1,6}) upgraded, \d+ newly installed, .*and (\d{1,6}) not upgraded\.$/m.exec(text) ?? [];
  if (upgraded === undefined || kept === undefined) return undefined;
  const available = Number(upgraded) + Number(kept);
  const security = countLines(text, /^Inst \S+ \[[^\]]*\] \(\S+ [^[\n]*-security\b/i);
  return { available, ...(kept === '0' && security <= available && { security }) };
}

function countLines(text: string, pattern: RegExp): number {
  let count = 0;
  for (const line of text.split('\n')) if (pattern.test(line.trimEnd())) count++;
  return count;
}
