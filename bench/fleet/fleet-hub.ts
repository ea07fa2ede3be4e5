import type { SimulatedClock } from './simulated-clock.js';
import { counted, type Counted, type Limits } from './hub-limits.js';
import { Throttle, type ThrottleFigures } from './throttle.js';

/** The hub as a fleet feels it: away or there, and with its throttles. */
export class FleetHub {
  up = true;
  private readonly throttles: Readonly<Record<Counted, Throttle>>;
  /** Attempts while it was away, which it never saw. */
  private missed = 0;

  constructor(
    private readonly clock: SimulatedClock,
    limits: Limits,
  ) {
    this.throttles = {
      connects: new Throttle(limits.connects),
      sends: new Throttle(limits.sends),
      reads: new Throttle(limits.reads),
      updates: new Throttle(limits.updates),
    };
  }

  /** @returns how long the hub takes beyond the way there and back, or why it does not do it at all */
  ask(what: Counted): number | 'away' | 'refused' {
    if (!this.up) {
      this.missed += 1;
      return 'away';
    }
    return this.throttles[what].ask(this.clock.monotonicMs()) ?? 'refused';
  }

  figures(): Readonly<Record<Counted, ThrottleFigures>> {
    const entries = counted.map((what) => [what, this.throttles[what].figures()] as const);
    return Object.fromEntries(entries) as Record<Counted, ThrottleFigures>;
  }

  get missedAttempts(): number {
    return this.missed;
  }
}
