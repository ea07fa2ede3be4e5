import type { TelemetryThrottle } from './faults.js';

/** What becomes of one more message: taken after a delay, or too much. */
type Admittance = { readonly delayMs: number } | 'over';

/** Telemetry in a row: each takes its share of a second, those beyond wait, and those beyond the backlog are too many. */
export class TelemetryQueue {
  #freeAtMs = 0;

  admit(throttle: TelemetryThrottle | undefined, nowMs: number): Admittance {
    if (throttle === undefined) return { delayMs: 0 };
    const shareMs = 1000 / throttle.perSecond;
    const startMs = Math.max(nowMs, this.#freeAtMs);
    if (startMs - nowMs > throttle.backlog * shareMs) return 'over';
    this.#freeAtMs = startMs + shareMs;
    return { delayMs: startMs - nowMs };
  }
}
