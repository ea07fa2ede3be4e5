import type { AppendOutcome } from './types.js';

/** An appended event that is not on disk yet. */
export interface Waiting {
  readonly body: Buffer;
  readonly wallMs: number;
  /** How many things the event tells of. */
  readonly count: number;
  /** Given at the first attempt to write, so that an event that never gets so far leaves no hole. */
  sequence: number | undefined;
  /** Tells the caller of `append`; undefined when it was told. */
  settle: ((outcome: AppendOutcome) => void) | undefined;
}

/** While the disk takes writes a group may be large; while it does not, memory is what is used up. */
const fullBytes = { writable: 4 * 1024 * 1024, refused: 1024 * 1024 } as const;

/**
 * The events of one queue that wait for the disk.
 *
 * 1. They leave in the order in which they came.
 * 2. Every caller of `add` is told an outcome, and only one.
 * 3. Their bodies take at most `fullBytes`.
 * 4. What is held comes before what is not.
 */
export class Backlog {
  private entries: Waiting[] = [];
  private sizeBytes = 0;
  /** So many of the oldest are held: looked at once, however many come after them. */
  private heldCount = 0;

  get count(): number {
    return this.entries.length;
  }

  /** How many things the waiting events tell of. */
  get toldCount(): number {
    return this.entries.reduce((sum, { count }) => sum + count, 0);
  }

  /** Adds an event, or gives undefined when too much waits already. */
  add(
    body: Buffer,
    wallMs: number,
    count: number,
    writable: boolean,
  ): Promise<AppendOutcome> | undefined {
    const limitBytes = writable ? fullBytes.writable : fullBytes.refused;
    if (this.sizeBytes + body.length > limitBytes) return undefined;
    this.sizeBytes += body.length;
    return new Promise((settle) => {
      this.entries.push({ body, wallMs, count, sequence: undefined, settle });
    });
  }

  /** The events from the oldest on that `fits` says yes to. */
  takeWhile(fits: (entry: Waiting) => boolean): Waiting[] {
    const end = this.entries.findIndex((entry) => !fits(entry));
    return end < 0 ? [...this.entries] : this.entries.slice(0, end);
  }

  get oldest(): Waiting | undefined {
    return this.entries[0];
  }

  /** Takes the oldest events away and tells their callers. */
  settle(count: number, outcome: AppendOutcome): void {
    this.heldCount = Math.max(0, this.heldCount - count);
    for (const entry of this.entries.splice(0, count)) {
      this.sizeBytes -= entry.body.length;
      entry.settle?.(outcome);
    }
  }

  /**
   * Has every event kept in memory, and tells its caller so.
   * @param number gives it its number
   */
  hold(number: (entry: Waiting) => void): void {
    for (const entry of this.entries.slice(this.heldCount)) {
      number(entry);
      entry.settle?.('held');
      entry.settle = undefined;
    }
    this.heldCount = this.entries.length;
  }

  /** The held events, which are readable although they are not on disk. */
  held(): readonly (Waiting & { sequence: number })[] {
    return this.entries
      .slice(0, this.heldCount)
      .filter((entry): entry is Waiting & { sequence: number } => entry.sequence !== undefined);
  }
}
