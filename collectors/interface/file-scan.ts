/** Files of one kind: how many there are, and the first of them. */
export interface FoundFiles {
  readonly total: number;
  /** Paths of the device with what is remarkable about each, as `/usr/bin/x (mode 4755)`; at most `mostListedFiles`. */
  readonly first: readonly FoundFile[];
}

export interface FoundFile {
  readonly path: string;
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export const mostListedFiles = 200;

export const fileKinds = [
  /** Programs that run with the rights of their owner or group. */
  'raised',
  /** Files that everybody may write, other than programs. */
  'writable',
  /** Programs that everybody may write. */
  'writablePrograms',
  /** Directories in which everybody may replace the files of others. */
  'openDirectories',
  /** Files of users that have no account. */
  'ownerless',
  /** Files of groups that do not exist. */
  'grouplessFiles',
] as const;
export type FileKind = (typeof fileKinds)[number];

export function recordOfKinds<T>(of: (kind: FileKind) => T): Record<FileKind, T> {
  return Object.fromEntries(fileKinds.map((kind) => [kind, of(kind)])) as Record<FileKind, T>;
}

/** What a look at all files of the local file systems found. */
export interface FileScan {
  /** Wall clock, ms. */
  readonly startedMs: number;
  readonly durationMs: number;
  readonly files: number;
  /** Why it did not see everything, as a sentence without its full stop; absent when it did. */
  readonly incomplete?: string;
  /** Why nothing is said of files without owner or group, likewise; absent when something is. */
  readonly ownersUnknown?: string;
  readonly found: Readonly<Record<FileKind, FoundFiles>>;
}

/** The last scan that was made; made in the maintenance window, because it reads all directories of the device. */
export interface FileScans {
  latest(): FileScan | undefined;
}
