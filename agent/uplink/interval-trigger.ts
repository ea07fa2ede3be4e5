import type { Clock, Timer } from '../../collectors/clock.js';

/**
 * Fires once per interval on the monotonic clock. The interval may change at any time: what has passed of the old one
 * counts for the new one.
 */
export class IntervalTrigger {
  private sinceMs = 0;
  private timer: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: () => number,
    private readonly fire: () => void,
  ) {}

  /** @param waitedMs what has already passed of the first interval, for example before a restart */
  start(waitedMs: number): void {
    this.sinceMs = this.clock.monotonicMs() - Math.max(0, waitedMs);
    this.arm();
  }

  /** Begins a whole new interval. */
  restart(): void {
    if (this.timer !== undefined) this.start(0);
  }

  intervalChanged(): void {
    if (this.timer !== undefined) this.arm();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private arm(): void {
    this.timer?.cancel();
    const dueMs = this.sinceMs + this.intervalMs();
    this.timer = this.clock.after(Math.max(0, dueMs - this.clock.monotonicMs()), () => {
      this.sinceMs = this.clock.monotonicMs();
      this.arm();
      this.fire();
    });
  }
}
