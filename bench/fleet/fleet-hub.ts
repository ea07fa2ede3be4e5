import type { Clock } from '../../base/clock.js';
import { counted, type Counted, type Limits } from './hub-limits.js';
import { Throttle, type ThrottleFigures } from './throttle.js';

/** What decides on the requests of one kind. */
export interface Gate {
  /** @returns how long the request waits in the hub, or undefined when it is refused */
  ask(nowMs: number): number | undefined;
}

export type Gates = Readonly<Record<Counted, Gate>>;

/** The hub as a fleet feels it: away or there, and with its throttles. */
export class FleetHub {
  up = true;

  constructor(
    private readonly clock: Clock,
    private readonly gates: Gates,
  ) {}

  /** @returns how long the hub takes beyond the way there and back, or why it does not do it at all */
  ask(what: Counted): number | 'away' | 'refused' {
    if (!this.up) return 'away';
    return this.gates[what].ask(this.clock.monotonicMs()) ?? 'refused';
  }
}

export function forEachCounted<T>(make: (what: Counted) => T): Record<Counted, T> {
  const [connects, sends, reads, updates] = counted;
  return {
    [connects]: make(connects),
    [sends]: make(sends),
    [reads]: make(reads),
    [updates]: make(updates),
  };
}

const slotMs = 100;

/** Lets everything pass and writes it down, for parts of a fleet that are simulated one after the other. */
export class Recorder implements Gate {
  private readonly slots: number[] = [];

  ask(nowMs: number): number {
    const slot = Math.floor(nowMs / slotMs);
    while (this.slots.length <= slot) this.slots.push(0);
    this.slots[slot] = (this.slots[slot] ?? 0) + 1;
    return 0;
  }

  /**
   * What the throttle would have made of all the parts together. Where it would have let everything pass at once, the
   * parts did not influence each other, and the figures are those of the whole fleet.
   */
  replay(limit: number): ThrottleFigures {
    const throttle = new Throttle(limit);
    for (const [slot, asked] of this.slots.entries()) {
      for (let request = 0; request < asked; request++) throttle.ask(slot * slotMs);
    }
    return throttle.figures();
  }
}

export function throttles(limits: Limits): Record<Counted, Throttle> {
  return forEachCounted((what) => new Throttle(limits[what]));
}
