import type { Stats } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { hasCode, plainReason } from '../../base/errors.js';
import type { RuleOrigin } from '../language/document.js';
import type { Tuning } from '../language/placeholders.js';
import {
  loadRuleReaders,
  type ReadDocuments,
  type Refusal,
  type RuleSource,
} from '../language/read-rules.js';
import { limits } from '../limits.js';
import { buildRuleSet, type RuleSet } from './rule-set.js';

/** Directories in directories. */
const deepest = 8;
const mostFiles = 5_000;

/** The directory of rules cannot be read; `message` completes "<path> …". */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';

  constructor(
    readonly kind: 'missing' | 'unreadable',
    message: string,
  ) {
    super(message);
  }
}

/** A directory of rules, and what they count as. */
export interface RuleDirectory {
  readonly path: string;
  readonly origin: RuleOrigin;
  /** One that is not there is empty. */
  readonly optional?: true;
  /** Why a file may not be used, by who could have written it; undefined where it may. */
  readonly objection?: (stats: Stats) => string | undefined;
}

/**
 * The rules of all files `*.yml` and `*.yaml` in directories and those in them, in the order of their names. A file that
 * cannot be used is refused alone; of rules with the same id that of the highest origin is taken.
 * @throws DirectoryError
 */
export async function readRuleDirectories(
  directories: readonly RuleDirectory[],
  tuning: Tuning = {},
): Promise<RuleSet> {
  const read = (await loadRuleReaders())();
  const documents: ReadDocuments[] = [];
  for (const directory of directories)
    for (const path of await filesOf(directory)) {
      const source = await ruleSourceOf(directory, path);
      documents.push('text' in source ? read(source, tuning) : refused(source));
    }
  return buildRuleSet(documents);
}

/** The rules of one directory. @throws DirectoryError */
export const readRuleDirectory = (path: string, tuning?: Tuning): Promise<RuleSet> =>
  readRuleDirectories([{ path, origin: 'local' }], tuning);

export const refused = (refusal: Refusal): ReadDocuments => ({
  documents: [],
  refusals: [refusal],
});

/** A file in the directory, by the name it has there. */
export async function ruleSourceOf(
  { objection, origin, path: directory }: RuleDirectory,
  path: string,
): Promise<RuleSource | Refusal> {
  const name = relative(directory, path);
  const refuse = (reason: string): Refusal => {
    return { file: name, line: undefined, reason, source: origin };
  };
  try {
    const { stats, text } = await readTextFile(path, limits.fileBytes);
    const objected = objection?.(stats);
    return objected === undefined
      ? { name, text: text.replace(/^\uFEFF/, ''), origin }
      : refuse(objected);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return refuse(`The file ${error.message}.`);
  }
}

/** Paths of its files in their order. @throws DirectoryError */
export async function filesOf({ optional, path }: RuleDirectory): Promise<readonly string[]> {
  try {
    return await ruleFilesIn(path);
  } catch (error) {
    if (optional && error instanceof DirectoryError && error.kind === 'missing') return [];
    throw error;
  }
}

/** Paths of the files of rules in a directory, in their order. @throws DirectoryError */
export async function ruleFilesIn(directory: string): Promise<readonly string[]> {
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
    throw hasCode(error, 'ENOENT')
      ? new DirectoryError('missing', 'does not exist; create it or correct the path')
      : new DirectoryError('unreadable', `cannot be read: ${plainReason(error)}`);
  }
  return found.sort();
}
