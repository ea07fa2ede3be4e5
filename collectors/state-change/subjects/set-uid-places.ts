import type { Dirent, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { posix } from 'node:path';
import type { ModeChange } from '../../kernel/audit/mode-change.js';
import { readLinkOf } from '../../kernel/processes/proc.js';
import type { Paths } from '../../kernel/paths.js';

/** Where programs are, with how deep they are below; there a package brings what gets its name after its mode. */
const programDirectories: readonly (readonly [directory: string, depth: number])[] = [
  ['/usr/bin', 0],
  ['/usr/sbin', 0],
  ['/usr/local', 2],
  ['/usr/libexec', 2],
  ['/usr/lib', 2],
  ['/bin', 0],
  ['/sbin', 0],
  ['/opt', 3],
];
const mostEntries = 50_000;
const mostArguments = 64;
const setIds = 0o6000;
const programBits = 0o111;

/** Whether the file runs with the rights of its owner or group. */
export function isRaised(stats: Pick<Stats, 'mode' | 'isFile'>): boolean {
  return stats.isFile() && (stats.mode & setIds) !== 0 && (stats.mode & programBits) !== 0;
}

/** Where the file of a call may be; whoever uses it looks whether it is there. */
export interface Places {
  /** The most likely first. */
  readonly files: readonly string[];
  /** In which it may be, at most one level deep; none where `files` is sure. */
  readonly directories: readonly string[];
}

/**
 * Where the file of a call may be. A process that named a descriptor and is gone leaves what it was called with: names of
 * files, and directories in which they were put.
 */
export function placesOf(change: ModeChange, paths: Paths): Places {
  const { base, descriptor, name, parentPid, pid, title } = change;
  const link = (place: string): string | undefined => {
    const path = readLinkOf(`${paths.procRoot}/${place}`);
    return path?.startsWith('/') === true ? path : undefined;
  };
  const sure = (...files: string[]): Places => ({ files, directories: [] });
  if (name?.startsWith('/') === true) return sure(posix.normalize(name));
  if (name !== undefined) {
    const directory =
      base === undefined || 'directory' in base
        ? base?.directory
        : link(`${pid}/fd/${base.descriptor}`);
    return directory === undefined ? sure() : sure(posix.join(directory, name));
  }
  const open = descriptor === undefined ? undefined : link(`${pid}/fd/${descriptor}`);
  const current =
    link(`${pid}/cwd`) ?? (parentPid === undefined ? undefined : link(`${parentPid}/cwd`));
  const given = title
    .slice(1, mostArguments)
    .filter((argument) => argument !== '' && !argument.startsWith('-'))
    .flatMap((argument) =>
      argument.startsWith('/')
        ? [posix.normalize(argument)]
        : current === undefined
          ? []
          : [posix.join(current, argument)],
    );
  // What dpkg is about to rename is where it will be; a descriptor may be another file by now.
  const opened = open === undefined ? [] : [open.replace(/\.dpkg-new$/u, ''), open];
  return {
    files: [...opened, ...given],
    directories: [...given, ...(current === undefined ? [] : [current])],
  };
}

/** The set-uid and set-gid programs in the directories of programs, by their paths on the device. */
export function raisedInUsual(root: string, signal: AbortSignal): Promise<readonly string[]> {
  return raisedIn(root, programDirectories, signal);
}

/**
 * The same in these directories, each searched to a depth; what is none is passed over.
 *
 * @param most entries that are looked at
 */
export async function raisedIn(
  root: string,
  directories: readonly (readonly [directory: string, depth: number])[],
  signal: AbortSignal,
  most = mostEntries,
): Promise<readonly string[]> {
  const found: string[] = [];
  let entries = 0;
  const look = async (directory: string, depth: number): Promise<void> => {
    for await (const entry of entriesOf(root + directory)) {
      signal.throwIfAborted();
      if (++entries > most) return;
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory() && depth > 0) await look(path, depth - 1);
      if (!entry.isFile()) continue;
      const stats = await lstat(root + path).catch(() => undefined);
      if (stats !== undefined && isRaised(stats)) found.push(path);
    }
  };
  for (const [directory, depth] of directories) {
    // On most devices /bin is a link to /usr/bin.
    const stats = await lstat(root + directory).catch(() => undefined);
    if (stats?.isDirectory() === true) await look(directory === '/' ? '' : directory, depth);
  }
  return found;
}

/** What cannot be read has none. */
async function* entriesOf(directory: string): AsyncGenerator<Dirent> {
  const entries = await opendir(directory).catch(() => undefined);
  if (entries !== undefined) yield* entries;
}
