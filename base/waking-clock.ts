import { uptime } from 'node:os';
import { systemClock, type Clock, type Timer } from './clock.js';

/** So long after the last look whether the device slept is the next, while any timer is set. */
const lookIntervalMs = 5_000;
/** A look that was set so lately stays where it is. */
const leastShiftMs = 1_000;
/** Less is the resolution of the two clocks, not sleep. */
const leastSleepMs = 1_000;

interface Pending {
  readonly dueMs: number;
  readonly action: () => void;
  timer: Timer;
}

/**
 * The clocks of a device that may be suspended. Node's own timers and `performance.now` stand still meanwhile
 * (CLOCK_MONOTONIC), so that on a device that wakes for a minute each hour an interval of ten minutes would take ten
 * hours. This one goes on with the time since boot (CLOCK_BOOTTIME): what fell due during sleep happens within seconds
 * after it.
 */
export class WakingClock implements Clock {
  private readonly pending = new Set<Pending>();
  private sleptMs = 0;
  private baseMs: number | undefined;
  private look: Timer | undefined;
  private lookSetMs = 0;

  /** @param sinceBootMs milliseconds since boot, those of sleep included */
  constructor(
    private readonly awake: Clock = systemClock,
    private readonly sinceBootMs: () => number = () => uptime() * 1000,
  ) {}

  wallMs(): number {
    return this.awake.wallMs();
  }

  monotonicMs(): number {
    return this.awake.monotonicMs() + this.sleptMs;
  }

  after(delayMs: number, action: () => void): Timer {
    // Sleep before this moment must not count for what begins now.
    this.wake();
    this.lookOn();
    const entry: Pending = {
      dueMs: this.monotonicMs() + Math.max(0, delayMs),
      action,
      timer: { cancel: () => undefined },
    };
    this.pending.add(entry);
    this.arm(entry);
    return {
      cancel: () => {
        entry.timer.cancel();
        this.pending.delete(entry);
      },
    };
  }

  private arm(entry: Pending): void {
    entry.timer = this.awake.after(entry.dueMs - this.monotonicMs(), () => {
      this.pending.delete(entry);
      // What is done now must not take the sleep before it for a step of the wall clock.
      this.wake();
      entry.action();
    });
  }

  /** Whoever sets a timer has just looked: timers that follow one another are no second reason to wake up. */
  private lookOn(): void {
    const nowMs = this.awake.monotonicMs();
    if (this.look !== undefined && nowMs - this.lookSetMs < leastShiftMs) return;
    this.look?.cancel();
    this.lookSetMs = nowMs;
    this.look = this.awake.after(lookIntervalMs, () => {
      this.look = undefined;
      this.wake();
      if (this.pending.size > 0) this.lookOn();
    });
  }

  private wake(): void {
    const sinceBootMs = this.sleepSinceBootMs();
    this.baseMs ??= sinceBootMs;
    const sleptMs = sinceBootMs - this.baseMs;
    if (sleptMs - this.sleptMs < leastSleepMs) return;
    this.sleptMs = sleptMs;
    for (const entry of [...this.pending].sort((a, b) => a.dueMs - b.dueMs)) {
      entry.timer.cancel();
      this.arm(entry);
    }
  }

  private sleepSinceBootMs(): number {
    return this.sinceBootMs() - this.awake.monotonicMs();
  }
}
