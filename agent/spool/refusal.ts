import { doublingMs, type BackoffRange } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { SpoolOptions } from './types.js';

const retryRange: BackoffRange = { shortestMs: 1000, longestMs: 30_000 };

/** Whether the disk refuses writes, what is said of that, and when it is tried again. */
export class Refusal {
  private readonly clock: Clock;
  private readonly onProblem: SpoolOptions['onProblem'];
  private retry: Timer | undefined;
  /** In a row, none of which was successful. */
  private retries = 0;
  private text: string | undefined;

  constructor({ clock, onProblem }: Pick<SpoolOptions, 'clock' | 'onProblem'>) {
    this.clock = clock;
    this.onProblem = onProblem;
  }

  /** Why the disk does not take what it is given; undefined while it does. */
  get problem(): string | undefined {
    return this.text;
  }

  /** It was tried again, and refused again. */
  get isRepeated(): boolean {
    return this.retries > 0;
  }

  /** The disk refused something. */
  begin(error: unknown): void {
    const isNew = this.text === undefined;
    this.text = reasonOf(error);
    if (isNew) this.onProblem?.(this.text);
  }

  /** Calls `tryAgain` after a time that grows, unless that is planned already. */
  retryLater(tryAgain: () => Promise<void>): void {
    if (this.retry !== undefined) return;
    this.retry = this.clock.after(doublingMs(this.retries + 1, retryRange), () => {
      this.retry = undefined;
      this.retries += 1;
      void tryAgain();
    });
  }

  /**
   * The disk took everything.
   * @returns whether it had refused something before
   */
  end(): boolean {
    this.retries = 0;
    if (this.text === undefined) return false;
    this.text = undefined;
    this.onProblem?.(undefined);
    return true;
  }

  cancel(): void {
    this.retry?.cancel();
  }
}
