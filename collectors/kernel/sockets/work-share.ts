import type { Clock } from '../../../base/clock.js';

/** So much work may be done at once, after a time with little of it. */
const burstMs = 2000;
const share = 0.1;

/**
 * Keeps work at a tenth of the time, two seconds of it at once: the first pieces on a slow device, or after a long rest, do
 * not have to wait for one another.
 */
export class WorkShare {
  private creditMs = burstMs;
  private countedMs: number;

  constructor(private readonly clock: Clock) {
    this.countedMs = clock.monotonicMs();
  }

  /** Milliseconds until the next piece may begin, 0 when it may now. */
  waitMs(): number {
    this.count();
    return this.creditMs > 0 ? 0 : Math.ceil((1 - this.creditMs) / share);
  }

  /** A piece of work has ended that took so many milliseconds. */
  spent(workMs: number): void {
    this.count();
    this.creditMs -= workMs;
  }

  private count(): void {
    const nowMs = this.clock.monotonicMs();
    this.creditMs = Math.min(burstMs, this.creditMs + share * (nowMs - this.countedMs));
    this.countedMs = nowMs;
  }
}
