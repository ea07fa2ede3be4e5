import type { Absence, AbsenceCause } from './absence.js';

/** Of each cause one is told in so long; a device that sleeps most of the hour tells it once in an hour. */
const paceMs: Partial<Readonly<Record<AbsenceCause, number>>> = {
  frozen: 60_000,
  slept: 3_600_000,
};

/**
 * Tells absences one by one, and those that come fast as one: whoever stops and continues the agent in a loop must not flood
 * the hub as well. What was folded adds up, and lasts from the first to the last.
 */
export class ToldAbsences {
  private readonly toldMs = new Map<AbsenceCause, number>();
  private readonly waiting = new Map<AbsenceCause, Absence>();

  constructor(private readonly tell: (absence: Absence) => void) {}

  /** @param nowMs monotonic */
  take(absence: Absence, nowMs: number): void {
    const waiting = this.waiting.get(absence.cause);
    this.waiting.set(
      absence.cause,
      waiting === undefined
        ? absence
        : {
            ...absence,
            durationMs: (waiting.durationMs ?? 0) + (absence.durationMs ?? 0),
            fromMs: Math.min(waiting.fromMs, absence.fromMs),
          },
    );
    this.tellDue(nowMs);
  }

  /** Tells what waited long enough; all of it at the end. */
  tellDue(nowMs: number, isEnd = false): void {
    for (const [cause, absence] of this.waiting) {
      const dueMs = (this.toldMs.get(cause) ?? -Infinity) + (paceMs[cause] ?? 0);
      if (nowMs < dueMs && !isEnd) continue;
      this.waiting.delete(cause);
      this.toldMs.set(cause, nowMs);
      this.tell(absence);
    }
  }
}
