import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DevicePhase } from '../../agent/fleet/device-phase.js';
import { IntervalTrigger } from '../../agent/uplink/interval-trigger.js';
import type { Clock, Timer } from '../../collectors/clock.js';

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
          const sinceMs = fired.at(-1) ?? 0;
          const count = fired.length;
          interval = after;
          trigger.intervalChanged();
          clock.runUntil(changedMs + 2 * after);
          const next = fired[count] ?? Infinity;
          // Timers know whole milliseconds.
          expect(next).toBeLessThanOrEqual(changedMs + after + 1);
          if (sinceMs + after > changedMs) {
            expect(next).toBeLessThanOrEqual(sinceMs + after + 1);
          }
        },
      ),
    );
  });

  it('that is changed for a whole fleet makes no part of it fire at one moment', () => {
    for (const [before, after] of [
      [420_000, 60_000],
      [420_000, 300_000],
      [60_000, 3_600_000],
    ] as const) {
      let interval: number = before;
      const devices = Array.from({ length: 3_000 }, (_, index) =>
        device(`hub/d${index}/m`, () => interval),
      );
      for (const { trigger, clock } of devices) {
        trigger.start(0);
        clock.runUntil(3 * before + 123);
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
    }
  });
});
