import type { Clock, Timer } from '../../base/clock.js';

interface Pending {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** Time that passes only when the test says so. */
export class FakeClock implements Clock {
  private nowMs = 0;
  private offsetMs: number;
  private order = 0;
  private readonly pending = new Set<Pending>();

  constructor(wallMs = Date.UTC(2026, 0, 2, 3, 4, 5)) {
    this.offsetMs = wallMs;
  }

  wallMs(): number {
    return this.nowMs + this.offsetMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const entry = { dueMs: this.nowMs + Math.max(0, delayMs), order: this.order++, action };
    this.pending.add(entry);
    return { cancel: () => void this.pending.delete(entry) };
  }

  /** How many timers are set. */
  get timers(): number {
    return this.pending.size;
  }

  /** In how many milliseconds the next of them falls due; Infinity when none is set. */
  nextMs(): number {
    return Math.min(...[...this.pending].map(({ dueMs }) => dueMs)) - this.nowMs;
  }

  /** Moves the wall clock alone, as NTP or an administrator does. */
  stepWall(byMs: number): void {
    this.offsetMs += byMs;
  }

  /** Lets time pass: runs the timers that fall due, in order, and lets promises settle after each. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.nowMs + byMs;
    await settle();
    for (;;) {
      const next = [...this.pending]
        .filter((entry) => entry.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.pending.delete(next);
      this.nowMs = Math.max(this.nowMs, next.dueMs);
      next.action();
      await settle();
    }
    this.nowMs = endMs;
    await settle();
  }
}

/** Lets pending promises run, also those that start further ones. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}
