import type { SpoolFiles } from './files.js';

/** A directory with something in it cannot be replaced by a rename (rename(2), ENOTEMPTY): then the next name is tried. */
const suffixes = ['.quarantine', '.quarantine-2', '.quarantine-3', '.quarantine-4'] as const;

/** Matches the names that `putAside` gives, as the end of a regular expression. */
export const quarantineSuffix = '\\.quarantine(-[2-4])?$';

/** Moves what stands at `path` to a name beside it. Never fails; tells whether something was moved. */
export async function putAside(files: SpoolFiles, path: string): Promise<boolean> {
  for (const suffix of suffixes) {
    try {
      await files.rename(path, `${path}${suffix}`);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    }
  }
  return false;
}
