import { plainReason } from '../../base/errors.js';
import { limits } from '../limits.js';
import type { RuleOrigin } from './document.js';
import { earlyExpressions } from './early-expressions.js';
import { parseDocument, type RuleDocument } from './parse-document.js';
import type { Tuning } from './placeholders.js';
import { loadRegexCompilers, type RegexCompiler, type RegexCompilers } from './regex.js';
import { RuleError } from './rule-error.js';
import { loadYamlReader, type YamlReader } from './yaml.js';
import {
  memberOf,
  textMember,
  word,
  type YamlEntry,
  type YamlMap,
  type YamlNode,
} from './yaml-node.js';

/** A file of rules, or another text that holds some. */
export interface RuleSource {
  readonly name: string;
  readonly text: string;
  /** The device's own where nothing is said. */
  readonly origin?: RuleOrigin;
}

/** A document that cannot be used, and why; the rest of the set is. */
export interface Refusal {
  readonly file: string;
  /** From 1; undefined where it is about the whole file. */
  readonly line: number | undefined;
  /** A sentence that tells what to do. */
  readonly reason: string;
  readonly source: RuleOrigin;
}

export interface ReadDocuments {
  readonly documents: readonly RuleDocument[];
  readonly refusals: readonly Refusal[];
}

export interface RuleReader {
  (source: RuleSource, tuning?: Tuning): ReadDocuments;
  /** The same, an expression or a document at a time: whoever has other things to do does them in between. */
  steps(source: RuleSource, tuning?: Tuning): Generator<undefined, ReadDocuments, undefined>;
}

/**
 * Milliseconds of the processor after which the rest of a file is refused: expressions are tried, and a file holds many. A
 * busy machine refuses nothing.
 */
const longestMs = 700;

/**
 * What reads YAML and regular expressions is loaded with the first call: without rules nobody needs it.
 * @returns makes a reader for the files of one set, which shares the bounds of a set among them
 */
export async function loadRuleReaders(): Promise<() => RuleReader> {
  const [readYaml, newCompiler] = await Promise.all([loadYamlReader(), loadRegexCompilers()]);
  return () => readerWith(readYaml, newCompiler());
}

function readerWith(readYaml: YamlReader, compilers: RegexCompilers): RuleReader {
  function* steps(
    source: RuleSource,
    tuning: Tuning = {},
  ): Generator<undefined, ReadDocuments, undefined> {
    const { name: file, origin = 'local', text } = source;
    const documents: RuleDocument[] = [];
    const refusals: Refusal[] = [];
    const refuse = (error: unknown): void => {
      const isKnown = error instanceof RuleError;
      // A fault of ours shall cost one document, and no agent.
      const reason = isKnown ? error.message : `Report this document: ${plainReason(error)}.`;
      refusals.push({ file, line: isKnown ? error.line : undefined, reason, source: origin });
    };
    const time = new Stopwatch();
    const compileInTime: RegexCompiler = (pattern, flags, line) => {
      if (time.isOver()) throw tooSlow(line);
      return compilers.compile(pattern, flags, line);
    };
    // What came with the agent was tried when that was built; what a twin puts into it was not.
    const compileWritten = origin === 'builtin' ? compilers.compileLater : compileInTime;
    try {
      if (Buffer.byteLength(text) > limits.fileBytes)
        throw new RuleError(`Split the file: it has more than ${limits.fileBytes} bytes.`);
      const collection = new Collection();
      for (const [index, node] of readYaml(text).entries()) {
        try {
          if (time.isOver()) throw tooSlow(node.line);
          const map = collection.next(node);
          if (map !== undefined) {
            const tried = yield* time.stopped(earlyExpressions(map, compileWritten, compileInTime));
            const place = { file, source: origin };
            documents.push(parseDocument(map, place, index + 1, { tuning, regex: tried }));
          }
        } catch (error) {
          refuse(error);
        }
        yield* time.stopped(once());
      }
    } catch (error) {
      refuse(error);
    }
    return { documents, refusals };
  }
  const read = (source: RuleSource, tuning?: Tuning): ReadDocuments => {
    const reading = steps(source, tuning);
    for (;;) {
      const { done, value } = reading.next();
      if (done === true) return value;
    }
  };
  return Object.assign(read, { steps });
}

function* once(): Generator<undefined, undefined, undefined> {
  yield;
}

/**
 * Says when a text has taken too long, pauses not counted. Asking for the time of the processor takes long itself: up to the
 * half of what is allowed the clock is asked, which tells at least as much, and only then the processor.
 */
class Stopwatch {
  #takenMs = 0;
  #now = (): number => performance.now();
  #since = this.#now();
  #isByProcessor = false;

  isOver(): boolean {
    if (this.#takenMs + this.#now() - this.#since <= longestMs / 2) return false;
    if (this.#isByProcessor) return true;
    this.#isByProcessor = true;
    this.#now = processorMs;
    this.#takenMs = 0;
    this.#since = this.#now();
    return false;
  }

  /** The same steps, without what others do between them. */
  *stopped<T>(steps: Generator<undefined, T, undefined>): Generator<undefined, T, undefined> {
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
      this.#takenMs += this.#now() - this.#since;
      yield;
      this.#since = this.#now();
    }
  }
}

const processorMs = (): number => {
  const { system, user } = process.cpuUsage();
  return (system + user) / 1000;
};

const tooSlow = (line: number): RuleError =>
  new RuleError('Split the file: it takes too long to read.', line);

/**
 * The documents of a file that say `action`: `global` is what the following ones have in common, `reset` forgets it, and
 * `repeat` is the one before with other members. Version 2 of the language has them no more; collections still do.
 */
class Collection {
  #common: YamlMap | undefined;
  #before: YamlMap | undefined;

  /** The whole document; undefined when it is none of its own. @throws RuleError */
  next(node: YamlNode): YamlMap | undefined {
    if (node.kind === 'scalar' && node.value === null) return undefined;
    if (node.kind !== 'map') throw new RuleError('Make the document a map.', node.line);
    const action = textMember(node, 'action', 32);
    const rest: YamlMap = { ...node, entries: node.entries.filter(({ key }) => key !== 'action') };
    switch (action) {
      case undefined:
        return this.#keep(this.#common === undefined ? rest : merged(this.#common, rest));
      case 'global':
        this.#common = this.#common === undefined ? rest : merged(this.#common, rest);
        return undefined;
      case 'reset':
        this.#common = undefined;
        return undefined;
      case 'repeat':
        if (this.#before === undefined)
          throw new RuleError('Put a rule before the document with action: repeat.', node.line);
        return this.#keep(merged(this.#before, rest));
      default:
        throw new RuleError(
          `Correct action: ${word(action)} is none of global, reset, repeat.`,
          memberOf(node, 'action')?.line,
        );
    }
  }

  #keep(map: YamlMap): YamlMap {
    this.#before = map;
    return map;
  }
}

/** Members of `over` win; maps in both are joined. */
function merged(under: YamlMap, over: YamlMap): YamlMap {
  const entries = new Map<string, YamlEntry>(under.entries.map((entry) => [entry.key, entry]));
  for (const entry of over.entries) {
    const old = entries.get(entry.key)?.value;
    const { value } = entry;
    const isJoined = old?.kind === 'map' && value.kind === 'map';
    entries.set(entry.key, isJoined ? { ...entry, value: merged(old, value) } : entry);
  }
  return { kind: 'map', line: over.line, entries: [...entries.values()] };
}
