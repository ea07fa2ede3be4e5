import type { Clock } from '../../base/clock.js';

const mostInMinute = 6;
const minuteMs = 60_000;

/** How often alerts may be sent past the interval: six times within any minute. */
export class AlertPace {
  /** When it was taken, monotonic, the oldest first. */
  private readonly takenMs: number[] = [];

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** @returns whether one may be sent now; it counts then */
  take(): boolean {
    const nowMs = this.clock.monotonicMs();
    const [oldestMs] = this.takenMs;
    if (this.takenMs.length >= mostInMinute && oldestMs !== undefined) {
      if (nowMs - oldestMs < minuteMs) return false;
      this.takenMs.shift();
    }
    this.takenMs.push(nowMs);
    return true;
  }
}
