import type { Clock } from '../../../base/clock.js';

/**
 * The pace of looks that are dear: some soon after one another, then one every few minutes as long as there is reason to.
 */
export class LookPace {
  private left: number;
  private countedMs: number;
  private lastMs = -Infinity;

  /**
   * @param betweenMs between any two looks
   * @param most so many at that pace
   * @param eachMs in which one more may follow
   */
  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly betweenMs: number,
    private readonly most: number,
    private readonly eachMs: number,
  ) {
    this.left = most;
    this.countedMs = clock.monotonicMs();
  }

  /** In how many milliseconds the next may be made. */
  waitMs(): number {
    const nowMs = this.count();
    const refillMs = this.left >= 1 ? 0 : (1 - this.left) * this.eachMs;
    return Math.ceil(Math.max(0, this.lastMs + this.betweenMs - nowMs, refillMs));
  }

  took(): void {
    this.lastMs = this.count();
    this.left = Math.max(0, this.left - 1);
  }

  private count(): number {
    const nowMs = this.clock.monotonicMs();
    this.left = Math.min(this.most, this.left + (nowMs - this.countedMs) / this.eachMs);
    this.countedMs = nowMs;
    return nowMs;
  }
}
