import type { Clock } from '../clock.js';

/** Keeps work below a tenth of the time: after each piece there is a pause of nine times as long. */
export class WorkShare {
  private freeMs = -Infinity;

  constructor(private readonly clock: Clock) {}

  /** Milliseconds until the next piece may begin, 0 when it may now. */
  waitMs(): number {
    return Math.max(0, this.freeMs - this.clock.monotonicMs());
  }

  /** A piece of work has ended that began at `beganMs` of the monotonic clock. */
  spent(beganMs: number): void {
    const nowMs = this.clock.monotonicMs();
    this.freeMs = nowMs + 9 * (nowMs - beganMs);
  }
}
