import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogTime } from '../../../agent/replay/log-time.js';

const passed = (stamps: readonly (readonly [number, boolean])[]) => {
  const time = new LogTime();
  return stamps.map(([timeMs, isExact]) => time.see(timeMs, isExact)).at(-1);
};

describe('the time that passes in a log', () => {
  it('does not pass twice when a call that waited is stamped at its beginning', () => {
    const stamps = Array.from({ length: 200 }, (_, index) => index * 10).flatMap(
      (ms) =>
        [
          [1_000_000 + ms, false],
          [ms, false],
        ] as const,
    );
    expect(passed(stamps)).toBe(1990);
  });

  it('goes on where a record of user space says that the clock was set back', () => {
    expect(
      passed([
        [5_000_000, true],
        [1000, true],
        [3500, true],
      ]),
    ).toBe(2500);
    expect(
      passed([
        [5_000_000, true],
        [4_999_900, true],
        [5_000_100, true],
      ]),
    ).toBe(100);
  });

  it('goes on where hundreds of calls lie below the latest time', () => {
    const stamps = Array.from({ length: 400 }, (_, index) => [index * 100, false] as const);
    expect(passed([[9_000_000, false], ...stamps])).toBe(14_400);
  });

  it('never goes back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(100_000), fc.boolean())), (stamps) => {
        const time = new LogTime();
        const times = stamps.map(([timeMs, isExact]) => time.see(timeMs, isExact));
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
    );
  });
});
