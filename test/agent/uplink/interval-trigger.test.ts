import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DevicePhase } from '../../../agent/fleet/device-phase.js';
import { IntervalTrigger } from '../../../agent/uplink/interval-trigger.js';
import type { Clock, Timer } from '../../../base/clock.js';

/** A clock on which the one timer of a trigger is run by hand, without promises. */
class OneTimerClock implements Clock {
  nowMs = 0;
  due: { atMs: number; action: () => void } | undefined;

  wallMs(): number {
    return 1.7e12 + this.nowMs;
  }

  monotonicMs(): number {
    return this.nowMs;
  }

  after(delayMs: number, action: () => void): Timer {
    const due = { atMs: this.nowMs + delayMs, action };
    this.due = due;
    const cancel = (): void => {
      if (this.due === due) this.due = undefined;
    };
    return { cancel };
  }

  runUntil(endMs: number): void {
    while (this.due !== undefined && this.due.atMs <= endMs) {
      const { atMs, action } = this.due;
      this.due = undefined;
      this.nowMs = atMs;
      action();
    }
    this.nowMs = endMs;
  }
}

function device(identity: string, intervalMs: () => number) {
  const clock = new OneTimerClock();
  const phase = DevicePhase.of(identity);
  const fired: number[] = [];
  const trigger = new IntervalTrigger(
    clock,
    intervalMs,
    (ms) => phase.untilMs('high', ms, clock.wallMs()),
    () => fired.push(clock.nowMs),
  );
  return { clock, fired, trigger };
}

function expectMoments(identity: string, interval: number, firedMs: readonly number[]): void {
  const phase = DevicePhase.of(identity);
  for (const atMs of firedMs) {
    expect(phase.untilMs('high', interval, new OneTimerClock().wallMs() + atMs)).toBe(0);
  }
}

const intervalMs = fc.integer({ min: 1_000, max: 86_400_000 });

describe('an interval', () => {
  it('is never exceeded, from the start on, and its end is at the moment of the device', () => {
    fc.assert(
      fc.property(
        fc.string(),
        intervalMs,
        fc.double({ min: 0, max: 1.5, noNaN: true }),
        (identity, interval, waited) => {
          const { clock, fired, trigger } = device(identity, () => interval);
          const waitedMs = Math.floor(waited * interval);
          trigger.start(waitedMs);
          clock.runUntil(6 * interval);
          expect(fired[0]).toBeLessThanOrEqual(Math.max(0, interval - waitedMs));
          expect(fired.length).toBeGreaterThanOrEqual(6);
          for (const [index, atMs] of fired.slice(1).entries()) {
            expect(atMs - (fired[index] ?? 0)).toBeLessThanOrEqual(interval);
          }
        },
      ),
    );
  });

  it('that is changed is kept by what comes after the change, and not exceeded by what was before where it can be', () => {
    fc.assert(
      fc.property(
        fc.string(),
        intervalMs,
        intervalMs,
        fc.double({ min: 0, max: 3, noNaN: true }),
        (identity, before, after, when) => {
          let interval = before;
          const { clock, fired, trigger } = device(identity, () => interval);
          trigger.start(0);
          const changedMs = Math.floor(when * before);
          clock.runUntil(changedMs);
          const sinceMs = fired.at(-1) ?? -Infinity;
          const count = fired.length;
          interval = after;
          trigger.intervalChanged();
          clock.runUntil(changedMs + 2 * after);
          const next = fired[count] ?? Infinity;
          expect(next).toBeLessThanOrEqual(changedMs + after);
          if (sinceMs + after > changedMs) {
            expect(next).toBeLessThanOrEqual(sinceMs + after);
          }
        },
      ),
      { numRuns: 5_000 },
    );
  });

  it('that is shortened soon after the start ends at a moment of the device, within one new interval of the change', () => {
    let interval = 37_426_301;
    const { clock, fired, trigger } = device('', () => interval);
    trigger.start(0);
    clock.runUntil(192);
    interval = 18_602_602;
    trigger.intervalChanged();
    clock.runUntil(2 * interval);
    expect(fired[0]).toBeLessThanOrEqual(192 + interval);
    expectMoments('', interval, fired);
  });

  it('ends at the moments of the device again, soon after it had to end at another time', () => {
    fc.assert(
      fc.property(
        fc.string(),
        intervalMs,
        intervalMs,
        fc.double({ min: 0, max: 3, noNaN: true }),
        (identity, before, after, waited) => {
          let interval = before;
          const { clock, fired, trigger } = device(identity, () => interval);
          trigger.start(Math.floor(waited * before));
          clock.runUntil(2 * before);
          expectMoments(identity, before, fired.slice(1));
          const count = fired.length;
          interval = after;
          trigger.intervalChanged();
          clock.runUntil(2 * before + 3 * after);
          expectMoments(identity, after, fired.slice(count + 1));
        },
      ),
    );
  });

  it.each([0.5, 1.6, 2.5])(
    'makes no part of a fleet fire at one moment that was switched on together after %d intervals',
    (waited) => {
      const interval = 18_000_000;
      const slices = new Map<number, number>();
      const slice = interval / 20;
      for (let index = 0; index < 3_000; index++) {
        const { clock, fired, trigger } = device(`hub/d${index}/m`, () => interval);
        trigger.start(waited * interval);
        clock.runUntil(3 * interval);
        // The first of them waits for the connection.
        for (const atMs of fired.slice(1)) {
          const number = Math.floor(atMs / slice);
          slices.set(number, (slices.get(number) ?? 0) + 1);
        }
      }
      const paceMost = (3_000 * slice) / interval;
      expect(Math.max(...slices.values())).toBeLessThan(paceMost + 6 * Math.sqrt(paceMost));
    },
  );

  // Also soon after all were started together, when none has fired yet.
  it.each([
    [420_000, 60_000, 3.0003],
    [420_000, 300_000, 3.0003],
    [60_000, 3_600_000, 3.0003],
    [420_000, 60_000, 0.1],
    [420_000, 300_000, 0.3],
    [420_000, 300_000, 0.7],
  ])(
    'that is changed for a whole fleet makes no part of it fire at one moment (from %d ms to %d ms after %d intervals)',
    (before, after, when) => {
      let interval: number = before;
      const devices = Array.from({ length: 3_000 }, (_, index) =>
        device(`hub/d${index}/m`, () => interval),
      );
      for (const { trigger, clock } of devices) {
        trigger.start(0);
        clock.runUntil(Math.floor(when * before));
      }
      interval = after;
      const firstMs = devices.map(({ clock, fired, trigger }) => {
        const count = fired.length;
        const changedMs = clock.nowMs;
        trigger.intervalChanged();
        clock.runUntil(changedMs + 2 * after);
        return (fired[count] ?? 0) - changedMs;
      });
      const slices = new Map<number, number>();
      const slice = Math.min(before, after) / 20;
      for (const ms of firstMs)
        slices.set(Math.floor(ms / slice), (slices.get(Math.floor(ms / slice)) ?? 0) + 1);
      // At most the even pace of the old interval and that of the new one together.
      const paceMost = 3_000 * (slice / before + slice / after);
      expect(Math.max(...slices.values())).toBeLessThan(paceMost + 6 * Math.sqrt(paceMost));
    },
  );
});
