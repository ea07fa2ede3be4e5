import type { SpoolFiles } from './files.js';
import { lockDirectory, SpoolLockedError, type Identify } from './lock.js';
import { putAside } from './quarantine.js';

interface OpenDirectory {
  /** What reaches the directory; where nothing can be reached, every call of it fails, and the owner goes on in memory. */
  readonly files: SpoolFiles;
  /** Something else was in its place, or a directory that could not be entered: it stands beside it now. */
  readonly wasPutAside: boolean;
}

/**
 * Makes a directory, with what stands in its way put aside. Never fails: a disk that refuses now may take what it is
 * given later, and what is there already may be read at least.
 */
export async function openDirectory(files: SpoolFiles, directory: string): Promise<OpenDirectory> {
  let problem = await prepare(files, directory);
  if (problem === undefined) return { files, wasPutAside: false };
  let wasPutAside = false;
  if (!isPassing(problem) && (await putAside(files, directory))) {
    wasPutAside = true;
    problem = await prepare(files, directory);
    if (problem === undefined) return { files, wasPutAside };
  }
  const unreadable = await twice(() => files.list(directory));
  if (unreadable === undefined || unreadable.code === 'ENOENT') return { files, wasPutAside };
  return { files: refusing(problem), wasPutAside };
}

/** Makes the directory and takes it for this process; fails only when another one that lives has it. */
export async function openLockedDirectory(
  files: SpoolFiles,
  directory: string,
  identify?: Identify,
): Promise<OpenDirectory & { readonly unlock: () => Promise<void> }> {
  const open = await openDirectory(files, directory);
  try {
    return { ...open, unlock: await lockDirectory(open.files, directory, identify) };
  } catch (error) {
    if (error instanceof SpoolLockedError) throw error;
    // A full or read-only disk may refuse the lock; collecting without it is better than not starting.
    return { ...open, unlock: () => Promise.resolve() };
  }
}

async function prepare(
  files: SpoolFiles,
  directory: string,
): Promise<NodeJS.ErrnoException | undefined> {
  return (
    (await twice(() => files.makeDirectory(directory))) ??
    (await twice(() => files.list(directory)))
  );
}

/** The disk, not the directory, is what is wrong. */
function isPassing({ code }: NodeJS.ErrnoException): boolean {
  return ['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(code ?? '');
}

/** A first failure may be a passing one. */
async function twice(call: () => Promise<unknown>): Promise<NodeJS.ErrnoException | undefined> {
  try {
    await call();
    return undefined;
  } catch {
    return call().then(
      () => undefined,
      (error: unknown) => error as NodeJS.ErrnoException,
    );
  }
}

/** Stands for a directory that not even can be listed: writing there could overwrite what nobody read. */
function refusing(problem: Error): SpoolFiles {
  const refuse = (): Promise<never> => Promise.reject(problem);
  return {
    list: () => Promise.resolve([]),
    makeDirectory: refuse,
    open: refuse,
    rename: refuse,
    unlink: refuse,
    syncDirectory: refuse,
    symlink: refuse,
    readlink: refuse,
  };
}
