import type { Clock } from '../../base/clock.js';
import type { AlertSeverity } from '../../contract/common-details.js';

/**
 * How often within any minute alerts may be sent past the interval, by the gravest that waits: what is less grave leaves room
 * for what is more so, and one that everyday work raises makes no message a second.
 */
const mostInMinute: Readonly<Record<AlertSeverity, number>> = {
  High: 6,
  Medium: 4,
  Low: 1,
  Informational: 1,
};
const minuteMs = 60_000;

/** The sends past the interval of the last minute. */
export class AlertPace {
  /** When they were, monotonic, the oldest first. */
  private takenMs: number[] = [];

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** @returns whether one may be sent now; it counts then */
  take(severity: AlertSeverity): boolean {
    const nowMs = this.clock.monotonicMs();
    this.takenMs = this.takenMs.filter((takenMs) => nowMs - takenMs < minuteMs);
    if (this.takenMs.length >= mostInMinute[severity]) return false;
    this.takenMs.push(nowMs);
    return true;
  }
}
