import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';

/** So many new identities at once are counted like any others: a device that starts has some hundreds. */
const usualBurst = 512;
const perSecond = 2;
const mostSeen = 4096;

/**
 * Says which hits of an identity that is not being counted begin to be. In a flood of identities that come once each an
 * aggregate costs more than the event, is closed by the next ones, and saves nothing: there the first hit is told by
 * itself, and the second begins an aggregate.
 */
export class Newcomers {
  private allowance: number;
  private refilledMs: number;
  /** Those told by themselves, as numbers of 32 bits: of two with one number the later is counted a hit too early. */
  private readonly seen = new BoundedMap<number, true>(mostSeen);

  constructor(
    private readonly clock: Clock,
    private readonly burst = usualBurst,
  ) {
    this.allowance = burst;
    this.refilledMs = clock.monotonicMs();
  }

  /** Whether this hit shall be told by itself. Called once for each hit of an identity that is not being counted. */
  goesByItself(key: string): boolean {
    const nowMs = this.clock.monotonicMs();
    this.allowance += ((nowMs - this.refilledMs) / 1000) * perSecond;
    this.allowance = Math.min(this.burst, this.allowance);
    this.refilledMs = nowMs;
    if (this.allowance >= 1) {
      this.allowance--;
      return false;
    }
    const number = hashOf(key);
    if (this.seen.delete(number)) return false;
    this.seen.set(number, true);
    return true;
  }
}

/** FNV-1a over the code units, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}
