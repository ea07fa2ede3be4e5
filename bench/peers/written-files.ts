import {
  closeSync,
  openSync,
  readdirSync,
  readSync,
  statSync,
  watch,
  type FSWatcher,
} from 'node:fs';
import { join } from 'node:path';
import type { Found, Told } from './watcher.js';

const addresses = /\b127\.1\.\d+\.\d+/g;
const markOf = (mark: string): RegExp => new RegExp(`${mark}-(\\d+)`, 'g');

/** Counts the different programs and addresses of the workload that texts name, as the texts come. */
export class Tally {
  readonly #programs = new Set<string>();
  readonly #addresses = new Set<string>();
  readonly #marks: RegExp;
  #rest = '';

  constructor(mark: string) {
    this.#marks = markOf(mark);
  }

  /** Takes the whole lines of it; the beginning of one waits for its end. */
  add(text: string): void {
    const end = text.lastIndexOf('\n') + 1;
    if (end === 0) {
      this.#rest += text;
      return;
    }
    const lines = this.#rest + text.slice(0, end);
    this.#rest = text.slice(end);
    for (const [, number = ''] of lines.matchAll(this.#marks)) this.#programs.add(number);
    for (const [address] of lines.matchAll(addresses)) this.#addresses.add(address);
  }

  get told(): Omit<Told, 'twice' | 'ends'> {
    return { programs: this.#programs.size, connections: this.#addresses.size };
  }
}

/** When each program of `mark` was found first, of texts with the time at which they came. */
export function foundIn(
  texts: readonly { readonly atMs: number; readonly text: string }[],
  mark: string,
): readonly Found[] {
  const first = new Map<string, number>();
  for (const { atMs, text } of texts)
    for (const [, stamp = ''] of text.matchAll(markOf(mark)))
      if (!first.has(stamp)) first.set(stamp, atMs);
  return [...first].map(([stamp, foundMs]) => ({ startedMs: Number(stamp) / 1000, foundMs }));
}

/** What is appended to the files of some directories, read as it comes. */
export class WrittenFiles {
  readonly #read = new Map<string, number>();
  readonly #watches: FSWatcher[] = [];
  readonly #texts: { atMs: number; text: string }[] = [];
  readonly #tallies = new Map<string, { readonly tally: Tally; readonly taken: number }>();
  #bytes = 0;

  /** @param paths directories, of which each file counts */
  constructor(private readonly paths: readonly string[]) {
    for (const path of paths) this.#watches.push(watch(path, () => this.look()));
  }

  /** Reads what has come since the last time. */
  look(): void {
    const atMs = performance.timeOrigin + performance.now();
    for (const path of this.paths)
      for (const name of readdirSync(path)) this.#readFile(join(path, name), atMs);
  }

  #readFile(file: string, atMs: number): void {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat?.isFile() !== true) return;
    const key = String(stat.ino);
    const from = this.#read.get(key) ?? 0;
    if (stat.size <= from) return;
    const bytes = Buffer.alloc(stat.size - from);
    let length = 0;
    try {
      const descriptor = openSync(file, 'r');
      length = readSync(descriptor, bytes, 0, bytes.length, from);
      closeSync(descriptor);
    } catch {
      // It was removed meanwhile; what was in it has been sent.
    }
    this.#read.set(key, from + length);
    this.#bytes += length;
    // Not UTF-8: a character may have come in part.
    this.#texts.push({ atMs, text: bytes.toString('latin1', 0, length) });
  }

  get bytes(): number {
    this.look();
    return this.#bytes;
  }

  told(mark: string): Told {
    this.look();
    const { tally, taken } = this.#tallies.get(mark) ?? { tally: new Tally(mark), taken: 0 };
    for (const { text } of this.#texts.slice(taken)) tally.add(text);
    this.#tallies.set(mark, { tally, taken: this.#texts.length });
    const { programs, connections } = tally.told;
    return { programs, connections, ends: connections, twice: 0 };
  }

  found(mark: string): readonly Found[] {
    this.look();
    return foundIn(this.#texts, mark);
  }

  close(): void {
    for (const each of this.#watches) each.close();
  }
}
