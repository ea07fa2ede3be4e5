import type { Clock, Timer } from '../../base/clock.js';

/** Devices and files seldom change alone: a stick comes with its disk and partitions. */
const quietMs = 1_000;
/** What goes on changing does not put the snapshot off for longer. */
const longestWaitMs = 4_000;
/** So many at once, and then one each `refillMs`: at most ten in any hour. */
const burst = 4;
const refillMs = 600_000;

/**
 * When a change leads to a snapshot.
 *
 * 1. After a change that nobody took a snapshot of, `take` is called: `quietMs` after the last of several, `longestWaitMs`
 *    after the first at the latest, and never more often than `burst` and `refillMs` allow; then when they do.
 * 2. Nothing is called after `stop`, and nothing runs while nothing changes.
 */
export class ChangePace {
  private timer: Timer | undefined;
  private firstMs: number | undefined;
  private dueMs = 0;
  /** The moment up to which the allowance is used, as if it were used evenly (GCRA); earlier than now: all is left. */
  private usedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly take: () => void,
  ) {}

  changed(): void {
    const nowMs = this.clock.monotonicMs();
    this.firstMs ??= nowMs;
    const wantedMs = Math.min(nowMs + quietMs, this.firstMs + longestWaitMs);
    this.dueMs = Math.max(wantedMs, this.usedUntilMs - (burst - 1) * refillMs);
    // A timer that comes too early arms itself anew: a storm of changes sets one timer, not one each.
    this.timer ??= this.arm(this.dueMs - nowMs);
  }

  /** A snapshot begins, whoever asked for it: it tells of all changes up to now. */
  covered(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.firstMs = undefined;
  }

  stop(): void {
    this.covered();
  }

  private arm(delayMs: number): Timer {
    return this.clock.after(delayMs, () => {
      this.timer = undefined;
      if (this.firstMs === undefined) return;
      const nowMs = this.clock.monotonicMs();
      if (this.dueMs > nowMs) {
        this.timer = this.arm(this.dueMs - nowMs);
        return;
      }
      this.firstMs = undefined;
      this.usedUntilMs = Math.max(this.usedUntilMs, nowMs) + refillMs;
      this.take();
    });
  }
}
