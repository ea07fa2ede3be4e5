import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode } from './errors.js';

/**
 * Makes a directory and the parents that are missing. Node's own `recursive` never ends where the parent exists and yet
 * mkdir(2) says ENOENT, as in /proc.
 * @returns whether `path` itself was made; false when it was there
 * @throws NodeJS.ErrnoException; when something else is in its place, or the parent takes no directory, `message` is a
 * clause that names the place
 */
export async function makeDirectory(path: string, mode: number): Promise<boolean> {
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    const parent = dirname(path);
    if (!hasCode(error, 'ENOENT') || parent === path) return existing(path, error);
    await makeDirectory(parent, mode);
  }
  try {
    await mkdir(path, { mode });
    return true;
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) return existing(path, error);
    throw withCode('ENOENT', `no directory can be made in ${dirname(path)}`);
  }
}

/** @throws error unless a directory is at `path` */
async function existing(path: string, error: unknown): Promise<false> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory() === true) return false;
  if (hasCode(error, 'EEXIST')) throw withCode('ENOTDIR', `${path} is not a directory`);
  if (!hasCode(error, 'ENOTDIR')) throw error;
  // mkdir(2) does not say which of the parents is no directory.
  throw withCode('ENOTDIR', `a part of the path ${dirname(path)} is not a directory`);
}

function withCode(code: string, message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
