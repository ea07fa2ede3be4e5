import type { Clock } from '../../base/clock.js';
import type { FailureKind } from './failure.js';

const firstMs = 10 * 60_000;
const longestMs = 6 * 3_600_000;

/**
 * Notices when for long nobody answers under the name of the hub: every attempt since the last connection failed for
 * want of a network, a name or an answer. Says so after ten minutes, and again after twice as long each time, up to six
 * hours, because many devices may see the same.
 */
export class LongSilence {
  private sinceMs: number | undefined;
  private nextMs = firstMs;

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  /** There is a connection. */
  over(): void {
    this.sinceMs = undefined;
    this.nextMs = firstMs;
  }

  /** An attempt failed. @returns whether it is time to look for the hub elsewhere */
  failed(kind: FailureKind): boolean {
    if (kind !== 'network' && kind !== 'timeout') {
      this.sinceMs = undefined;
      return false;
    }
    const nowMs = this.clock.monotonicMs();
    this.sinceMs ??= nowMs;
    if (nowMs - this.sinceMs < this.nextMs) return false;
    this.sinceMs = nowMs;
    this.nextMs = Math.min(2 * this.nextMs, longestMs);
    return true;
  }
}
