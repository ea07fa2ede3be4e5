import type { Clock, Timer } from '../../base/clock.js';

/**
 * Fires at the moments of this device, once per interval of the monotonic clock. Where what has waited before a start may
 * not wait for the next moment, it fires earlier, and then at the next moment; a fleet that was switched on together
 * would otherwise fire together ever after. The interval may change at any time: what has passed of the old one counts
 * for the new one, unless that makes it due already. Then it fires at the next moment, less than one new interval later;
 * at once, the whole fleet would after a change of its twins.
 */
export class IntervalTrigger {
  /**
   * When the interval began. The first one after a start counts as begun one interval before the moment that ends it:
   * the true start may be that of the whole fleet, and a change of the interval would make all fire one interval later.
   */
  private sinceMs = 0;
  /** Whether the interval ends at a moment. */
  private atMoment = false;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: () => number,
    /** Until the next moment of this device in an interval; less than the interval. */
    private readonly untilMomentMs: (intervalMs: number) => number,
    private readonly fire: () => void,
  ) {}

  /** @param waitedMs what has already passed of the first interval, for example before a restart */
  start(waitedMs: number): void {
    this.sinceMs = this.clock.monotonicMs() - Math.max(0, waitedMs);
    this.atMoment = false;
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
    this.atMoment = leftMs <= 0 || momentMs <= leftMs;
    if (this.atMoment) this.sinceMs += momentMs - leftMs;
  }

  private arm(): void {
    this.timer?.cancel();
    const dueMs = this.sinceMs + this.intervalMs();
    this.timer = this.clock.after(Math.max(0, dueMs - this.clock.monotonicMs()), () => {
      const nowMs = this.clock.monotonicMs();
      // A timer that is late by a little must not move the device from its moments; after a sleep they are sought anew.
      const onTime = this.atMoment && nowMs - dueMs < this.intervalMs();
      this.sinceMs = onTime ? dueMs : nowMs;
      if (!onTime) this.meetMoment();
      this.arm();
      this.fire();
    });
  }
}
