import { createHash } from 'node:crypto';
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { TwinSettings } from '../../config/twin-settings.js';
import type { RuleDocument } from '../../detection/language/parse-document.js';
import type { Tuning } from '../../detection/language/placeholders.js';
import type {
  ReadDocuments,
  Refusal,
  RuleReader,
  RuleSource,
} from '../../detection/language/read-rules.js';
import {
  DirectoryError,
  filesOf,
  refused,
  type RuleDirectory,
  ruleFilesIn,
  ruleSourceOf,
} from '../../detection/rules/read-directory.js';
import { allowedAlerts } from './allowed-alerts.js';

/** Of the rules that are read, no more at once than what nobody notices. */
const sliceMs = 8;

const kept = 'As long as the agent runs, the file as it was before stays in force.';

interface ReadSources {
  /** In the order in which the room for rules is given away. */
  readonly read: readonly ReadDocuments[];
  /** A hash of all texts. */
  readonly texts: string;
  /** Why a directory could not be read; what was read of it before stays. */
  readonly problem: string | undefined;
}

/**
 * Reads the files of all origins into documents, in slices between which everything else goes on.
 *
 * A file of which something is refused is replaced by what it was when all of it could be used, where this run has seen it so.
 */
export class SourceReader {
  /** By origin and name. */
  private readonly good = new Map<string, readonly RuleDocument[]>();

  async read(
    reader: RuleReader,
    directories: readonly RuleDirectory[],
    settings: TwinSettings,
  ): Promise<ReadSources> {
    const texts = createHash('sha256');
    const read: ReadDocuments[] = [];
    const seen = new Set<string>();
    const take = async (source: RuleSource, tuning: Tuning): Promise<void> => {
      const key = `${source.origin ?? ''} ${source.name}`;
      seen.add(key);
      texts.update(JSON.stringify([key, source.text]));
      const { own, refusals } = await readTuned(reader, source, tuning);
      const { documents, refusals: others } = this.orAsBefore(key, own);
      read.push({ documents, refusals: [...others, ...refusals] });
    };
    for (const source of twinSources(settings)) await take(source, settings.detectionValues);
    const problems: string[] = [];
    for (const directory of directories) {
      const paths = await pathsOf(directory);
      if (typeof paths === 'string') {
        problems.push(paths);
        for (const [key, documents] of this.good) {
          if (!key.startsWith(`${directory.origin} `)) continue;
          seen.add(key);
          read.push({ documents, refusals: [] });
        }
        continue;
      }
      for (const path of paths) {
        const source = await ruleSourceOf(directory, path);
        if ('text' in source) await take(source, settings.detectionValues);
        else {
          const key = `${source.source} ${source.file}`;
          seen.add(key);
          read.push(this.orAsBefore(key, refused(source)));
        }
      }
    }
    for (const key of [...this.good.keys()]) if (!seen.has(key)) this.good.delete(key);
    const [problem] = problems;
    return { read, texts: texts.digest('hex'), problem };
  }

  private orAsBefore(key: string, { documents, refusals }: ReadDocuments): ReadDocuments {
    // Examples are for whoever tests a rule.
    const bare = documents.map((one) => ({ ...one, examples: undefined }));
    if (refusals.length === 0) {
      this.good.set(key, bare);
      return { documents: bare, refusals };
    }
    const before = this.good.get(key);
    if (before === undefined) return { documents: bare, refusals };
    return {
      documents: before,
      refusals: refusals.map((one) => ({ ...one, reason: `${one.reason} ${kept}` })),
    };
  }
}

/** Those of the twin come first: they get room whatever else there is. */
function twinSources(settings: TwinSettings): readonly RuleSource[] {
  const rules = Object.entries(settings.detectionRules).map(([name, text]): RuleSource => ({
    name,
    text,
    origin: 'twin',
  }));
  return [...allowedAlerts(settings), ...rules];
}

/** The paths, or the sentence that says why there are none. */
async function pathsOf(directory: RuleDirectory): Promise<readonly string[] | string> {
  try {
    return await filesOf(directory);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    return `The directory of rules ${directory.path} ${error.message}. What was read of it before stays in force.`;
  }
}

interface ReadTuned {
  readonly own: ReadDocuments;
  /** What the tuning alone is to blame for. */
  readonly refusals: readonly Refusal[];
}

/** Where a rule cannot be used with the values that the twin sets for it, it is read with its own, and that is told. */
async function readTuned(
  reader: RuleReader,
  source: RuleSource,
  tuning: Tuning,
): Promise<ReadTuned> {
  const tuned = await inSlices(reader.steps(source, tuning));
  const untuned = { own: tuned, refusals: [] };
  if (tuned.refusals.length === 0 || Object.keys(tuning).length === 0) return untuned;
  const own = await inSlices(reader.steps(source));
  if (own.refusals.length >= tuned.refusals.length) return untuned;
  const refusals = tuned.refusals.map(({ file, line, reason }): Refusal => {
    const place = `${file}${line === undefined ? '' : `, line ${line}`}`;
    return {
      file: 'detectionValues',
      line: undefined,
      reason: `With these values ${place} cannot be used; its own are. ${reason}`,
      source: 'twin',
    };
  });
  return { own, refusals };
}

async function inSlices<T>(steps: Generator<undefined, T, undefined>): Promise<T> {
  for (;;) {
    const began = performance.now();
    do {
      const { done, value } = steps.next();
      if (done === true) {
        await turn();
        return value;
      }
    } while (performance.now() - began < sliceMs);
    await turn();
  }
}

/** Whatever else waits goes first. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Who may write a rule could also switch one off; so it must be root, or the user of the agent. */
export function objectionToWriters({ mode, uid }: Pick<Stats, 'mode' | 'uid'>): string | undefined {
  if (uid !== 0 && uid !== process.geteuid?.())
    return `Give the file to root with chown: it belongs to user ${uid}, who could switch rules off.`;
  return (mode & 0o002) === 0
    ? undefined
    : 'Take the right to write the file from others with chmod o-w: anybody could switch rules off.';
}

/** Changes with what is in a directory of rules; a look at each file, and no reading. */
export async function stampOf(directory: string): Promise<string> {
  const stamp = createHash('sha256');
  try {
    for (const path of await ruleFilesIn(directory)) {
      const { ctimeMs, ino, mtimeMs, size } = await stat(path).catch(() => gone);
      stamp.update(JSON.stringify([path, ctimeMs, ino, mtimeMs, size]));
    }
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    stamp.update(error.kind);
  }
  return stamp.digest('hex');
}

const gone = { ctimeMs: 0, ino: 0, mtimeMs: 0, size: 0 };
