/** Bounds of the pauses between attempts, in milliseconds. */
export interface BackoffRange {
  readonly shortestMs: number;
  readonly longestMs: number;
}

export const networkBackoff: BackoffRange = { shortestMs: 1_000, longestMs: 5 * 60_000 };
/** A refused credential seldom mends itself, and every attempt is a line in somebody's security log. */
export const authorisationBackoff: BackoffRange = { shortestMs: 60_000, longestMs: 60 * 60_000 };

/** Slower than doubling: after a minute without a hub the next attempt is at most half a minute away, not a whole one. */
const growth = 1.6;

/**
 * Exponential back-off with full jitter over the whole window, so that a fleet that lost its hub at one moment
 * does not come back at one moment.
 */
export class Backoff {
  private attempts = 0;

  /** @param random uniform in [0, 1) */
  constructor(
    private readonly range: BackoffRange,
    private readonly random: () => number,
  ) {}

  /** The pause before the next attempt; the window grows with each call. */
  nextMs(): number {
    this.attempts += 1;
    const { shortestMs, longestMs } = this.range;
    const windowMs = Math.min(longestMs, shortestMs * growth ** Math.min(this.attempts, 40));
    return Math.round(shortestMs + this.random() * (windowMs - shortestMs));
  }

  reset(): void {
    this.attempts = 0;
  }
}

/**
 * The pause before try `attempt` (from 1) of what concerns this device alone, so that no chance is needed: `shortestMs`
 * before the first, twice as long before each further one, `longestMs` at the most.
 */
export function doublingMs(attempt: number, { shortestMs, longestMs }: BackoffRange): number {
  return Math.min(longestMs, shortestMs * 2 ** Math.min(attempt - 1, 30));
}
