import type { SpoolFiles } from './files.js';
import { lockDirectory, SpoolLockedError, type Identify } from './lock.js';
import { SpoolUnusableError } from './types.js';

/** Makes a directory, with what stands in its way put aside. */
export async function makeOwnDirectory(files: SpoolFiles, directory: string): Promise<void> {
  try {
    await files.makeDirectory(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOTDIR') throw error;
    await files.rename(directory, `${directory}.quarantine`);
    await files.makeDirectory(directory);
  }
}

/** Makes the directory and takes it for this process. Resolves to the function that gives it back. */
export async function openSpoolDirectory(
  files: SpoolFiles,
  directory: string,
  identify?: Identify,
): Promise<() => Promise<void>> {
  try {
    await makeOwnDirectory(files, directory);
    return await lockDirectory(files, directory, identify);
  } catch (error) {
    if (error instanceof SpoolLockedError) throw error;
    // A full disk may refuse the lock; collecting without it is better than not starting.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT') return () => Promise.resolve();
    throw new SpoolUnusableError(directory, error);
  }
}
