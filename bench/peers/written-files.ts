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

/** How many different programs and addresses of the workload a text names. */
export function toldIn(text: string, mark: string): Omit<Told, 'twice'> {
  const numbers = new Set(Array.from(text.matchAll(markOf(mark)), ([, number]) => number));
  return { programs: numbers.size, connections: new Set(text.match(addresses) ?? []).size };
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

  get text(): string {
    this.look();
    return this.#texts.map(({ text }) => text).join('');
  }

  found(mark: string): readonly Found[] {
    this.look();
    return foundIn(this.#texts, mark);
  }

  /** Forgets what was read. */
  forget(): void {
    this.look();
    this.#texts.length = 0;
  }

  close(): void {
    for (const each of this.#watches) each.close();
  }
}
