import { chmod, chown, lstat, mkdir, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, readBoundedFile } from '../../../base/bounded-file.js';
import { plainReason } from '../../../base/errors.js';
import { stageFile } from '../../../base/staged-file.js';
import { StepError } from './host.js';

/*
 * The configuration as it was, in a directory beside it that only root may enter: it holds secrets, and the state
 * directory belongs to the user of the agent.
 */

const directoryName = 'before-import';
const largestBytes = 262_144;

/** A file of the configuration before the import. */
export interface KeptFile {
  readonly path: string;
  /** False when there was none, so that the one that is there now is removed. */
  readonly wasThere: boolean;
}

const keptPath = (path: string): string => join(dirname(path), directoryName, basename(path));

/** Copies what is there. @throws StepError; then nothing is kept */
export async function keepFiles(paths: readonly string[]): Promise<readonly KeptFile[]> {
  const kept: KeptFile[] = [];
  try {
    for (const path of paths) {
      const wasThere = await exists(path);
      if (wasThere) {
        await mkdir(dirname(keptPath(path)), { mode: 0o700 }).catch(ignoreExisting);
        await copy(path, keptPath(path));
      }
      kept.push({ path, wasThere });
    }
    return kept;
  } catch (error) {
    await forgetFiles(kept);
    throw new StepError(`the configuration could not be copied: ${reason(error)}`);
  }
}

/** Puts one back, with its owner and mode; may be repeated. @throws StepError */
export async function restoreFile({ path, wasThere }: KeptFile): Promise<void> {
  try {
    if (wasThere) await copy(keptPath(path), path);
    else await rm(path, { force: true });
  } catch (error) {
    throw new StepError(`${path} could not be put back: ${reason(error)}`);
  }
}

/** Removes the copies. */
export async function forgetFiles(kept: readonly KeptFile[]): Promise<void> {
  for (const { path } of kept) await rm(keptPath(path), { force: true });
  for (const directory of new Set(kept.map(({ path }) => dirname(keptPath(path)))))
    await rmdir(directory).catch(() => undefined);
}

async function copy(from: string, to: string): Promise<void> {
  const { bytes, stats } = await readBoundedFile(from, largestBytes);
  const { uid, gid, mode } = stats;
  const staged = await stageFile(to, bytes, { mode: mode & 0o7777, owner: { uid, gid } });
  try {
    await staged.commit();
  } catch (error) {
    await staged.discard().catch(() => undefined);
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function ignoreExisting(error: unknown): Promise<void> {
  if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  // What is there may be anybody's: only a directory of root alone is used.
  const path = (error as NodeJS.ErrnoException).path ?? '';
  if (!(await lstat(path)).isDirectory()) throw error;
  await chown(path, process.geteuid?.() ?? 0, process.getegid?.() ?? 0);
  await chmod(path, 0o700);
}

function reason(error: unknown): string {
  return error instanceof FileError ? `it ${error.message}` : plainReason(error);
}
