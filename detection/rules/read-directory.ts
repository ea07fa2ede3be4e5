import { opendir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { hasCode, plainReason } from '../../base/errors.js';
import type { Tuning } from '../language/placeholders.js';
import { loadRuleReaders, type ReadDocuments, type RuleSource } from '../language/read-rules.js';
import { limits } from '../limits.js';
import { buildRuleSet, type RuleSet } from './rule-set.js';

/** Directories in directories. */
const deepest = 8;
const mostFiles = 5_000;

/** The directory of rules cannot be read; `message` completes "<path> …". */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
}

/**
 * The rules of all files `*.yml` and `*.yaml` in a directory and those in it, in the order of their names. A file that cannot
 * be used is refused alone.
 * @throws DirectoryError
 */
export async function readRuleDirectory(directory: string, tuning: Tuning = {}): Promise<RuleSet> {
  const paths = await ruleFilesIn(directory);
  const read = (await loadRuleReaders())();
  const documents: ReadDocuments[] = [];
  for (const path of paths) {
    const source = await sourceOf(directory, path);
    documents.push('text' in source ? read(source, tuning) : source);
  }
  return buildRuleSet(documents);
}

async function sourceOf(directory: string, path: string): Promise<RuleSource | ReadDocuments> {
  const name = relative(directory, path);
  try {
    const { text } = await readTextFile(path, limits.fileBytes);
    return { name, text: text.replace(/^\uFEFF/, '') };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const reason = `The file ${error.message}.`;
    return { documents: [], refusals: [{ file: name, line: undefined, reason }] };
  }
}

async function ruleFilesIn(directory: string): Promise<readonly string[]> {
  const found: string[] = [];
  const look = async (path: string, depth: number): Promise<void> => {
    for await (const entry of await opendir(path)) {
      if (entry.name.startsWith('.') || found.length >= mostFiles) continue;
      const inside = join(path, entry.name);
      if (entry.isDirectory()) {
        if (depth < deepest) await look(inside, depth + 1);
      } else if (/\.ya?ml$/i.test(entry.name)) found.push(inside);
    }
  };
  try {
    await look(directory, 0);
  } catch (error) {
    throw new DirectoryError(
      hasCode(error, 'ENOENT')
        ? 'does not exist; create it or correct the path'
        : `cannot be read: ${plainReason(error)}`,
    );
  }
  return found.sort();
}
