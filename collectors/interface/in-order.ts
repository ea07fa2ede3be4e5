import type { Clock, Timer } from '../../base/clock.js';

interface Entry<T> {
  readonly finish: (hash: string) => T;
  readonly dueMs: number;
  readonly characters: number;
  hash: string | undefined;
}

interface InOrderOptions<T> {
  readonly clock: Clock;
  readonly emit: (item: T) => void;
  /** Longest wait for a hash. */
  readonly deadlineMs: number;
  readonly mostWaiting: number;
  /** Of the text that waits: one command line may have megabytes. */
  readonly mostWaitingCharacters: number;
}

/**
 * Lets things out in the order they came, each when its hash is known.
 *
 * 1. Order out is order in.
 * 2. Nothing waits longer than `deadlineMs`, nor behind more than `mostWaiting` others, nor while more than
 *    `mostWaitingCharacters` wait: then it goes with ''.
 * 3. `flush` leaves nothing behind.
 * 4. A timer is set only while something waits, and not anew for each thing: setting one costs more than a short wait.
 */
export class InOrder<T> {
  private readonly waiting: (Entry<T> | undefined)[] = [];
  private head = 0;
  private characters = 0;
  private timer: Timer | undefined;

  constructor(private readonly options: InOrderOptions<T>) {}

  /**
   * @param finish makes the thing to let out, with the hash or ''
   * @param characters how much text it holds
   * @returns what is to be called with the hash; called again, or when the thing went already, it does nothing
   */
  push(finish: (hash: string) => T, characters = 0): (hash: string) => void {
    const dueMs = this.options.clock.monotonicMs() + this.options.deadlineMs;
    const entry: Entry<T> = { finish, dueMs, characters, hash: undefined };
    this.characters += characters;
    this.waiting.push(entry);
    if (this.waiting.length - this.head > this.options.mostWaiting) this.release(1);
    while (this.characters > this.options.mostWaitingCharacters) this.release(1);
    this.arm();
    return (hash) => {
      entry.hash ??= hash;
      if (this.waiting[this.head] === entry) this.release();
    };
  }

  /** Lets everything out that still waits. */
  flush(): void {
    this.release(this.waiting.length - this.head);
  }

  /** Lets out what is finished or due, and at least `count` in any case. */
  private release(count = 0): void {
    const nowMs = this.options.clock.monotonicMs();
    for (let forced = count; ; forced--) {
      const entry = this.waiting[this.head];
      if (entry === undefined) break;
      if (entry.hash === undefined && forced <= 0 && entry.dueMs > nowMs) break;
      // What went must not be held until the array is shortened.
      this.waiting[this.head++] = undefined;
      this.characters -= entry.characters;
      this.options.emit(entry.finish(entry.hash ?? ''));
    }
    if (this.head === this.waiting.length) {
      this.waiting.length = 0;
      this.head = 0;
      this.timer?.cancel();
      this.timer = undefined;
    } else if (this.head > 256 && this.head * 2 > this.waiting.length) {
      this.waiting.splice(0, this.head);
      this.head = 0;
    }
  }

  private arm(): void {
    const next = this.waiting[this.head];
    if (next === undefined || this.timer !== undefined) return;
    const delayMs = next.dueMs - this.options.clock.monotonicMs();
    this.timer = this.options.clock.after(delayMs, () => {
      this.timer = undefined;
      this.release();
      this.arm();
    });
  }
}
