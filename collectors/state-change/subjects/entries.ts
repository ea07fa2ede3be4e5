import { createHash } from 'node:crypto';
import { readdir, readlink, realpath } from 'node:fs/promises';
import { FileError, readBoundedFile } from '../../../base/bounded-file.js';
import { hasCode } from '../../../base/errors.js';

const mostEntries = 20_000;
const longestFileBytes = 1024 * 1024;
/** Of SHA-256: enough to tell two versions of a file apart, short enough to be read out. */
const shownHashCharacters = 12;

export interface Entry {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link' | 'other';
}

/**
 * What is in a directory, by name; nothing where it does not exist.
 * @throws what keeps it from being read: an entry that is not seen must not read as removed
 */
export async function entriesOf(directory: string): Promise<readonly Entry[]> {
  try {
    const found = await readdir(directory, { withFileTypes: true });
    if (found.length > mostEntries)
      throw new Error(`${directory} has more than ${mostEntries} entries.`);
    return found
      .map((entry): Entry => {
        const { name } = entry;
        if (entry.isFile()) return { name, kind: 'file' };
        if (entry.isDirectory()) return { name, kind: 'directory' };
        return { name, kind: entry.isSymbolicLink() ? 'link' : 'other' };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/** Where a link leads, as it is written; undefined where it is gone or no link. */
export async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'EINVAL')) return undefined;
    throw error;
  }
}

/** The start of the SHA-256 of what a file holds, or why there is none; undefined where it is not there (any more). */
export async function contentOf(path: string): Promise<string | undefined> {
  try {
    const { bytes } = await readBoundedFile(path, longestFileBytes);
    return createHash('sha256').update(bytes).digest('hex').slice(0, shownHashCharacters);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.kind === 'missing') return undefined;
    const reasons = { forbidden: 'not readable', 'too-large': 'too large' } as const;
    return error.kind in reasons ? reasons[error.kind as keyof typeof reasons] : 'no file';
  }
}

/** Those of the directories that exist, each once however many paths lead to it. */
export async function differentDirectories(paths: readonly string[]): Promise<readonly string[]> {
  const seen = new Set<string>();
  const different: string[] = [];
  for (const path of paths) {
    const real = await realpath(path).catch(() => path);
    if (!seen.has(real)) different.push(path);
    seen.add(real);
  }
  return different;
}
