import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DevicePhase, type Purpose } from '../../../agent/fleet/device-phase.js';

const purposes = ['connection', 'high', 'low', 'snapshot', 'token'] as const;
const purpose = fc.constantFrom<Purpose>(...purposes);
const periodMs = fc.integer({ min: 1, max: 365 * 86_400_000 });
const wallMs = fc.integer({ min: 0, max: 4e12 });

/** Where each of a fleet is in one period, counted in so many equal parts of it. */
function histogram(of: Purpose, period: number, parts: number, devices: number): number[] {
  const counts = Array.from({ length: parts }, () => 0);
  for (let device = 0; device < devices; device++) {
    const untilMs = DevicePhase.of(`hub/device-${device}/m`).untilMs(of, period, 1.7e12);
    const part = Math.floor((untilMs / period) * parts);
    counts[part] = (counts[part] ?? 0) + 1;
  }
  return counts;
}

describe('the phase of a device', () => {
  it('is the same at every start, and its moments are one period apart', () => {
    fc.assert(
      fc.property(fc.string(), purpose, periodMs, wallMs, (identity, of, period, wall) => {
        const untilMs = DevicePhase.of(identity).untilMs(of, period, wall);
        expect(untilMs).toBeGreaterThanOrEqual(0);
        expect(untilMs).toBeLessThan(period);
        const moment = wall + untilMs;
        expect(DevicePhase.of(identity).untilMs(of, period, moment)).toBe(0);
        expect(DevicePhase.of(identity).untilMs(of, period, moment + period)).toBe(0);
        expect(DevicePhase.of(identity).untilMs(of, period, moment + 1)).toBe(period - 1);
      }),
    );
  });

  it('has among the moments of a period those of every multiple of it', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.integer({ min: 1, max: 1e7 }),
        fc.integer({ min: 1, max: 50 }),
        wallMs,
        (identity, short, times, wall) => {
          const phase = DevicePhase.of(identity);
          const moment = wall + phase.untilMs('connection', short * times, wall);
          expect(phase.untilMs('connection', short, moment)).toBe(0);
        },
      ),
    );
  });

  it.each(purposes)('spreads a fleet evenly over a period (%s)', (of) => {
    for (const period of [23_000, 420_000, 18_000_000]) {
      // Chi-squared with 19 degrees of freedom: 50 is passed by chance once in 10,000 times; the identities are fixed.
      const expected = 20_000 / 20;
      const chi = histogram(of, period, 20, 20_000).reduce(
        (sum, count) => sum + (count - expected) ** 2 / expected,
        0,
      );
      expect(chi).toBeLessThan(50);
    }
  });

  it('for one purpose tells nothing of the others', () => {
    for (const a of purposes) {
      for (const b of purposes.slice(purposes.indexOf(a) + 1)) {
        let sum = 0;
        for (let device = 0; device < 5_000; device++) {
          const phase = DevicePhase.of(`hub/device-${device}/m`);
          sum +=
            (phase.untilMs(a, 1000, 0) / 1000 - 0.5) * (phase.untilMs(b, 1000, 0) / 1000 - 0.5);
        }
        // Each product has the variance 1/144.
        expect(Math.abs(sum / 5_000)).toBeLessThan(4 / 12 / Math.sqrt(5_000));
      }
    }
  });
});
