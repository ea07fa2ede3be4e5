import { lstat, opendir } from 'node:fs/promises';
import type { Clock } from '../../../base/clock.js';
import { hasCode } from '../../../base/errors.js';
import type { FoundFile } from '../../interface/file-scan.js';

/** Work for so long, then rest for so long: a fifth of the time, and no event waits behind a slice. */
const workMs = 20;
const restMs = 80;
const mostFiles = 5_000_000;
const mostWaitingDirectories = 100_000;
const longestPath = 4096;

export interface WalkOptions {
  /** Where the directory is for this process. */
  readonly start: string;
  /** What the start is called on the device. */
  readonly startPath: string;
  /** Directories that are not entered, as the device calls them. */
  readonly leftOut: ReadonlySet<string>;
  readonly clock: Clock;
  /** Whether it rests most of the time, so that nothing else waits for it. */
  readonly rests: boolean;
  readonly signal: AbortSignal;
  readonly take: (file: FoundFile & { readonly kind: 'file' | 'directory' | 'other' }) => void;
}

interface WalkResult {
  readonly files: number;
  /** Directories that could not be read. */
  readonly unread: number;
  /** There were more files than one walk looks at. */
  readonly cut: boolean;
}

/**
 * Looks at every file of one file system. Names are any bytes but '/' and NUL: paths are held as Latin-1, one character a
 * byte, and told as UTF-8. Symbolic links are not followed. Rejects when the signal is aborted.
 */
export async function walk(options: WalkOptions): Promise<WalkResult> {
  const { clock, leftOut, rests, signal, start, startPath, take } = options;
  const place = Buffer.from(start, 'utf8').toString('latin1');
  const told = (path: string): string =>
    Buffer.from(startPath === '/' ? path : startPath + path, 'latin1').toString('utf8') || '/';
  const { dev } = await lstat(start);
  const waiting = [''];
  let files = 0;
  let unread = 0;
  let cut = false;
  let sliceEndMs = clock.monotonicMs() + workMs;
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    try {
      const handle = await opendir(Buffer.from(place + directory, 'latin1'), {
        encoding: 'latin1',
      });
      for await (const { name } of handle) {
        signal.throwIfAborted();
        if (rests && clock.monotonicMs() >= sliceEndMs) {
          await rest(clock, signal);
          sliceEndMs = clock.monotonicMs() + workMs;
        }
        const path = `${directory}/${name}`;
        const stats = await lstat(Buffer.from(place + path, 'latin1')).catch(() => undefined);
        // Removed meanwhile, or the root of another mount.
        if (stats?.dev !== dev) continue;
        if (++files > mostFiles) return { files, unread, cut: true };
        const { mode, uid, gid } = stats;
        const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'directory' : 'other';
        const toldPath = told(path);
        if (leftOut.has(toldPath)) continue;
        // The mode of a symbolic link means nothing, its owner does.
        take({ path: toldPath, mode: mode & 0o7777, uid, gid, kind });
        if (kind !== 'directory') continue;
        if (waiting.length < mostWaitingDirectories && path.length < longestPath)
          waiting.push(path);
        else cut = true;
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) unread++;
    }
  }
  return { files, unread, cut };
}

function rest(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(signal.reason as Error);
    };
    const timer = clock.after(restMs, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
