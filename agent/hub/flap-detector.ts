import type { Clock } from '../../base/clock.js';

const shortLifeMs = 10_000;
const windowMs = 2 * 60_000;
const usualPauseMs = 15 * 60_000;

/**
 * Recognises two clients with one identity, which kick each other off without end: the hub accepts each and closes the
 * other's connection without a reason, so only the pattern shows it. The window holds five short lives together with
 * the longest pauses that the back-off puts between them.
 */
export class FlapDetector {
  /** Short lives in the window that make a flap. */
  readonly limit = 5;
  private ends: number[] = [];

  constructor(private readonly clock: Clock) {}

  /** An established connection was dropped by the other side after `lifeMs`. @returns whether this makes a flap. */
  ended(lifeMs: number): boolean {
    const nowMs = this.clock.monotonicMs();
    if (lifeMs >= shortLifeMs) this.ends = [];
    else this.ends = [...this.ends.filter((endMs) => nowMs - endMs <= windowMs), nowMs];
    if (this.ends.length < this.limit) return false;
    this.ends = [];
    return true;
  }
}

/** A quarter of an hour, give or take a quarter of it, so that two agents do not meet again. */
export function flapPauseMs(random: () => number): number {
  return Math.round(usualPauseMs * (0.75 + random() / 2));
}
