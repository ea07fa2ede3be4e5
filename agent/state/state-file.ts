import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError, readBoundedFile } from '../../base/bounded-file.js';
import { hasCode } from '../../base/errors.js';
import { makeDirectory } from '../../base/make-directory.js';
import { stageFile } from '../../base/staged-file.js';
import { systemFiles } from '../spool/files.js';
import { putAside } from '../spool/quarantine.js';

/**
 * Replaces a file so that after a crash it holds either the old or the new text, and only its owner can read it. A
 * directory that stands in the way is put beside it, and one that was removed is made again.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const write = async (): Promise<void> => {
    const staged = await stageFile(path, text, { mode: 0o600 });
    await staged.commit();
  };
  try {
    await write();
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EISDIR', 'ERR_FS_EISDIR')) throw error;
    await makeDirectory(dirname(path), 0o700);
    for (const place of [path, `${path}.new`]) {
      const found = await lstat(place).catch(() => undefined);
      if (found?.isDirectory() === true) await putAside(systemFiles, place);
    }
    await write();
  }
}

/**
 * Reads a file of the state directory, of at most `maxBytes`; undefined when it is not there. What is in its place, a
 * named pipe for example, neither holds the start nor fills the memory.
 * @throws FileError
 */
export async function readStateFile(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    return (await readBoundedFile(path, maxBytes)).bytes.toString('utf8');
  } catch (error) {
    if (error instanceof FileError && error.kind === 'missing') return undefined;
    throw error;
  }
}
