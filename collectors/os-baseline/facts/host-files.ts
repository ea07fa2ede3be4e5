import { constants, type Stats } from 'node:fs';
import { lstat, open, opendir, readlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { posix } from 'node:path';
import { FileError, readBoundedFile, readTextFile } from '../../../base/bounded-file.js';
import { hasCode, plainReason } from '../../../base/errors.js';
import type { Paths } from '../../kernel/paths.js';
import { absent, found, type Reading, unreadable } from './reading.js';

/** As in ELOOP of path_resolution(7). */
const mostLinks = 40;
const mostNames = 4096;
const longestLineBytes = 4096;
export const longestTextBytes = 256 * 1024;

export interface FileState {
  readonly kind: 'file' | 'directory' | 'link' | 'socket' | 'other';
  /** Permission bits with set-uid, set-gid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
}

export type StatFile = (path: string) => Promise<Pick<Stats, 'mode' | 'uid' | 'gid' | 'size'>>;

interface HostFilesOptions {
  readonly paths: Pick<Paths, 'root' | 'procRoot'>;
  readonly signal: AbortSignal;
  /** lstat(2); tests tell owners and modes with it that a checkout cannot hold. */
  readonly lstat?: StatFile;
}

/**
 * The files of the device as its first process has them: the service's own view has a private /tmp, a private /dev and a
 * read-only everything. Where that view is not to be had, the own one is read, and `limitation` says so.
 *
 * 1. A path is the device's; symbolic links are followed inside of its root alone, whatever they point to.
 * 2. What is missing is `absent`; what may not or cannot be read is `unreadable` with the reason.
 * 3. Every read is bounded and ends when the signal is aborted.
 */
export class HostFiles {
  private constructor(
    private readonly options: HostFilesOptions,
    private readonly root: string,
    /** What of the device this view does not show. */
    readonly limitation: string | undefined,
  ) {}

  static async open(options: HostFilesOptions): Promise<HostFiles> {
    const { root, procRoot } = options.paths;
    if (root !== '') return new HostFiles(options, root, undefined);
    const first = `${procRoot}/1/root`;
    try {
      await lstat(`${first}/etc`);
      return new HostFiles(options, first, undefined);
    } catch {
      return new HostFiles(
        options,
        '',
        'The files are those that this process sees, which may have a mount namespace of its own: the root of the first process is not shown without CAP_SYS_PTRACE.',
      );
    }
  }

  /** Of what a path leads to. */
  async state(path: string): Promise<Reading<FileState>> {
    return this.guard(path, async () => this.stateOf(await this.locate(path)));
  }

  /** Of a path itself, also where it is a symbolic link. */
  async linkState(path: string): Promise<Reading<FileState>> {
    return this.guard(path, async () => this.stateOf(await this.locate(path, 'unfollowed')));
  }

  /** Where a symbolic link points, as it is written. */
  async target(path: string): Promise<Reading<string>> {
    return this.guard(path, async () => readlink(await this.locate(path, 'unfollowed')));
  }

  /** A text of at most `maxBytes`; a longer one cannot be read. */
  async text(path: string, maxBytes = longestTextBytes): Promise<Reading<string>> {
    return this.guard(
      path,
      async () => (await readTextFile(await this.locate(path), maxBytes)).text,
    );
  }

  /** A file of at most `maxBytes`, whatever is in it. */
  async bytes(path: string, maxBytes: number): Promise<Reading<Buffer>> {
    return this.guard(
      path,
      async () => (await readBoundedFile(await this.locate(path), maxBytes)).bytes,
    );
  }

  /**
   * Hands over each line of a text that may be long, in pieces: resolves with how many there were. Lines are cut at 4 KB;
   * bytes are taken for Latin-1.
   */
  async lines(
    path: string,
    maxBytes: number,
    take: (line: string) => void,
  ): Promise<Reading<number>> {
    const read = await this.guard(path, async () => {
      const file = await open(await this.locate(path), constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        if (!(await file.stat()).isFile()) throw new Error('is not a regular file');
        return await this.linesOf(file, maxBytes, take);
      } finally {
        await file.close();
      }
    });
    if (!('value' in read) || read.value !== undefined) return read as Reading<number>;
    return unreadable(`${path} has more than ${maxBytes} bytes`);
  }

  /** The names in a directory, sorted. */
  async names(path: string): Promise<Reading<readonly string[]>> {
    const names: string[] = [];
    const read = await this.guard(path, async () => {
      const directory = await opendir(await this.locate(path));
      for await (const { name } of directory) {
        this.options.signal.throwIfAborted();
        if (names.length >= mostNames) return false;
        names.push(name);
      }
      return true;
    });
    if (!('value' in read)) return read;
    return read.value
      ? found(names.sort())
      : unreadable(`${path} holds more than ${mostNames} names`);
  }

  /** Where the device's `path` is for this process. @param last whether a link at its very end is followed */
  async locate(path: string, last: 'followed' | 'unfollowed' = 'followed'): Promise<string> {
    const { procRoot } = this.options.paths;
    if (path === '/proc' || path.startsWith('/proc/')) return procRoot + path.slice('/proc'.length);
    let rest = path.split('/');
    let at = '';
    for (let links = 0; rest.length > 0;) {
      const [part = '', ...after] = rest;
      rest = after;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        at = posix.dirname(at === '' ? '/' : at).replace(/\/$/, '');
        continue;
      }
      const next = `${at}/${part}`;
      this.options.signal.throwIfAborted();
      const isLast = rest.every((other) => other === '');
      if (isLast && last === 'unfollowed') return this.root + next;
      const target = await this.linkTarget(this.root + next);
      if (target === undefined) {
        at = next;
        continue;
      }
      if (++links > mostLinks) throw new Error('is a symbolic link that leads back to itself');
      if (target.startsWith('/')) at = '';
      rest = [...target.split('/'), ...rest];
    }
    return this.root + (at === '' ? '/' : at);
  }

  private async linesOf(
    file: FileHandle,
    maxBytes: number,
    take: (line: string) => void,
  ): Promise<number | undefined> {
    const buffer = Buffer.allocUnsafe(64 * 1024);
    let rest = '';
    let count = 0;
    for (let sizeBytes = 0; ;) {
      this.options.signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      sizeBytes += bytesRead;
      if (sizeBytes > maxBytes) return undefined;
      const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLineBytes);
      if (bytesRead === 0 && rest !== '') lines.push(rest);
      count += lines.length;
      for (const line of lines) take(line.slice(0, longestLineBytes));
      if (bytesRead === 0) return count;
    }
  }

  private async linkTarget(path: string): Promise<string | undefined> {
    try {
      return await readlink(path);
    } catch (error) {
      if (hasCode(error, 'EINVAL')) return undefined;
      throw error;
    }
  }

  private async stateOf(path: string): Promise<FileState> {
    const { mode, uid, gid, size } = await (this.options.lstat ?? lstat)(path);
    return { kind: kindOf(mode), mode: mode & 0o7777, uid, gid, sizeBytes: size };
  }

  private async guard<T>(path: string, read: () => Promise<T>): Promise<Reading<T>> {
    this.options.signal.throwIfAborted();
    try {
      return found(await read());
    } catch (error) {
      this.options.signal.throwIfAborted();
      return readingOf(path, error);
    }
  }
}

function kindOf(mode: number): FileState['kind'] {
  switch (mode & 0o170000) {
    case 0o100000:
      return 'file';
    case 0o040000:
      return 'directory';
    case 0o120000:
      return 'link';
    case 0o140000:
      return 'socket';
    default:
      return 'other';
  }
}

function readingOf(path: string, error: unknown): Reading<never> {
  if (error instanceof FileError) {
    const says = `${path} ${error.message}`;
    return error.kind === 'missing' ? absent(`${path} does not exist`) : unreadable(says);
  }
  if (hasCode(error, 'ENOENT', 'ENOTDIR')) return absent(`${path} does not exist`);
  if (hasCode(error, 'EACCES', 'EPERM'))
    return unreadable(`${path} may not be read by user ${process.geteuid?.() ?? '?'}`);
  return unreadable(`${path} cannot be read: ${plainReason(error)}`);
}
