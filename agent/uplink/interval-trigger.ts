import type { Clock, Timer } from '../../collectors/clock.js';

/**
 * Fires once per interval on the monotonic clock, from the first time on at the moments of this device. The interval may
 * change at any time: what has passed of the old one counts for the new one, unless that makes it due already. Then it
 * fires at the next moment, less than one new interval later; at once, the whole fleet would after a change of its twins.
 */
export class IntervalTrigger {
  private sinceMs = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: () => number,
    /** Until the next moment of this device in an interval; at most the interval. */
    private readonly untilMomentMs: (intervalMs: number) => number,
    private readonly fire: () => void,
  ) {}

  /** @param waitedMs what has already passed of the first interval, for example before a restart */
  start(waitedMs: number): void {
    this.sinceMs = this.clock.monotonicMs() - Math.max(0, waitedMs);
    if (waitedMs < this.intervalMs()) this.meetMoment();
    this.arm();
  }

  /** Begins a whole new interval. */
  restart(): void {
    if (this.timer !== undefined) this.start(0);
  }

  intervalChanged(): void {
    if (this.timer === undefined) return;
    this.meetMoment();
    this.arm();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Moves the end of the interval forward to a moment; back only when the end has passed. */
  private meetMoment(): void {
    const intervalMs = this.intervalMs();
    const passedMs = this.clock.monotonicMs() - this.sinceMs;
    const leftMs = intervalMs - passedMs;
    const momentMs = this.untilMomentMs(intervalMs);
    if (leftMs <= 0 || momentMs < leftMs) this.sinceMs += momentMs - leftMs;
  }

  private arm(): void {
    this.timer?.cancel();
    const dueMs = this.sinceMs + this.intervalMs();
    this.timer = this.clock.after(Math.max(0, dueMs - this.clock.monotonicMs()), () => {
      const nowMs = this.clock.monotonicMs();
      // A timer that is late by a little must not move the device from its moments; after a sleep they begin anew.
      this.sinceMs = nowMs - dueMs < this.intervalMs() ? dueMs : nowMs;
      this.arm();
      this.fire();
    });
  }
}
