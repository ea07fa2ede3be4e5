import { type Dirent, type Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
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

/**
 * Where the file of a call may be, the most likely first. A process that names a descriptor and is gone leaves what it was
 * called with: names of files, and directories in which they are put. Whoever uses it looks whether there is such a file.
 */
export function placesOf(change: ModeChange, paths: Paths): readonly string[] {
  const { base, descriptor, name, parentPid, pid, title } = change;
  const link = (place: string): string | undefined => {
    const path = readLinkOf(`${paths.procRoot}/${place}`);
    return path?.startsWith('/') === true ? path : undefined;
  };
  if (name?.startsWith('/') === true) return [posix.normalize(name)];
  if (name !== undefined) {
    const directory =
      base === undefined || 'directory' in base
        ? base?.directory
        : link(`${pid}/fd/${base.descriptor}`);
    return directory === undefined ? [] : [posix.join(directory, name)];
  }
  const open = descriptor === undefined ? undefined : link(`${pid}/fd/${descriptor}`);
  if (open !== undefined) return [open.replace(/\.dpkg-new$/u, ''), open];
  const directory =
    link(`${pid}/cwd`) ?? (parentPid === undefined ? undefined : link(`${parentPid}/cwd`));
  const given = title
    .slice(1, mostArguments)
    .filter((argument) => argument !== '' && !argument.startsWith('-'))
    .flatMap((argument) =>
      argument.startsWith('/')
        ? [posix.normalize(argument)]
        : directory === undefined
          ? []
          : [posix.join(directory, argument)],
    );
  const last = given.at(-1);
  const within =
    last === undefined ? [] : given.map((file) => posix.join(last, posix.basename(file)));
  return [...given, ...within];
}

/** The set-uid and set-gid programs of the usual directories, by their paths on the device. */
export async function usualPlaces(root: string, signal: AbortSignal): Promise<readonly string[]> {
  const found: string[] = [];
  let entries = 0;
  const look = async (directory: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(root + directory)) {
      signal.throwIfAborted();
      if (++entries > mostEntries) return;
      const path = `${directory}/${entry.name}`;
      if (entry.isDirectory() && depth > 0) await look(path, depth - 1);
      if (!entry.isFile()) continue;
      const stats = await lstat(root + path).catch(() => undefined);
      if (stats !== undefined && isRaised(stats)) found.push(path);
    }
  };
  for (const [directory, depth] of programDirectories) {
    // On most devices /bin is a link to /usr/bin.
    const stats = await lstat(root + directory).catch(() => undefined);
    if (stats?.isDirectory() === true) await look(directory, depth);
  }
  return found;
}

async function entriesOf(directory: string): Promise<readonly Dirent[]> {
  return readdir(directory, { withFileTypes: true }).catch(() => []);
}
