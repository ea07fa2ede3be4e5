import { limits } from '../limits.js';

/** That a rule was true of an event. */
export interface Entry {
  /** When it happened, ms since 1970. */
  readonly timeMs: number;
  /** The number of the event, higher than that of every event before it. */
  readonly event: number;
  /** Which of the correlation's rules, from 0. */
  readonly rule: number;
  /** What the correlation takes of the event; undefined where it takes nothing. */
  readonly value: string | undefined;
}

/**
 * What happened in one group within the timespan up to its youngest event, in the order of time.
 *
 * An event that comes late is put where it belongs. One that is older than the whole timespan says that the clock was set
 * back: what is kept would stay for as long as it was set, and is forgotten instead.
 */
export class Window {
  readonly #timespanMs: number;
  readonly #most: number;
  readonly #same: ((one: Entry, other: Entry) => boolean) | undefined;
  #entries: Entry[] = [];

  /** @param same entries of which the youngest alone matters */
  constructor(
    timespanMs: number,
    same?: (one: Entry, other: Entry) => boolean,
    most: number = limits.entriesOfGroup,
  ) {
    this.#timespanMs = timespanMs;
    this.#same = same;
    this.#most = most;
  }

  get entries(): readonly Entry[] {
    return this.#entries;
  }

  /** Time of the youngest entry; undefined of an empty window. */
  get youngestMs(): number | undefined {
    return this.#entries.at(-1)?.timeMs;
  }

  /** @returns how many that are within the timespan had to go to make room */
  add(entry: Entry): number {
    const youngest = this.youngestMs;
    if (youngest !== undefined && entry.timeMs < youngest - this.#timespanMs) this.#entries = [];
    const old =
      this.#same === undefined ? -1 : this.#entries.findIndex((one) => this.#same?.(one, entry));
    if (old >= 0) {
      if ((this.#entries[old]?.timeMs ?? 0) > entry.timeMs) return 0;
      this.#entries.splice(old, 1);
    }
    let at = this.#entries.length;
    while (at > 0 && (this.#entries[at - 1]?.timeMs ?? 0) > entry.timeMs) at--;
    if (at === this.#entries.length) this.#entries.push(entry);
    else this.#entries.splice(at, 0, entry);
    const oldest = (this.youngestMs ?? entry.timeMs) - this.#timespanMs;
    const first = this.#entries.findIndex(({ timeMs }) => timeMs >= oldest);
    if (first > 0) this.#entries.splice(0, first);
    const over = this.#entries.length - this.#most;
    if (over <= 0) return 0;
    this.#entries.splice(0, over);
    return over;
  }

  clear(): void {
    this.#entries = [];
  }
}
