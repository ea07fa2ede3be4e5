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

const minuteMs = 60_000;

/** Calls of the registry: a number of them may come at once, and as many more are granted evenly over each minute. */
export class CallAllowance {
  #used = 0;
  #atMs = 0;

  /** @returns 0 when the call is granted, else in how many seconds one will be */
  take(perMinute: number, nowMs: number): number {
    const back = (Math.max(0, nowMs - this.#atMs) / minuteMs) * perMinute;
    this.#used = Math.max(0, this.#used - back);
    this.#atMs = nowMs;
    if (this.#used + 1 > perMinute) {
      const missing = this.#used + 1 - perMinute;
      return Math.max(1, Math.ceil(((missing / perMinute) * minuteMs) / 1000));
    }
    this.#used += 1;
    return 0;
  }
}
