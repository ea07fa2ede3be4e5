import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FlapDetector, flapPauseMs } from '../../agent/hub/flap-detector.js';
import { authorisationBackoff, Backoff, doublingMs, networkBackoff } from '../../base/backoff.js';
import { FakeClock } from '../support/fake-clock.js';

describe('the back-off', () => {
  it.each([networkBackoff, authorisationBackoff])(
    'stays within its bounds however long it lasts',
    (range) => {
      fc.assert(
        fc.property(
          fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
          (dice) => {
            let throwAt = 0;
            const backoff = new Backoff(range, () => dice[throwAt++] ?? 0);
            for (let attempt = 0; attempt < dice.length; attempt++) {
              const pauseMs = backoff.nextMs();
              expect(pauseMs).toBeGreaterThanOrEqual(range.shortestMs);
              expect(pauseMs).toBeLessThanOrEqual(range.longestMs);
            }
          },
        ),
      );
    },
  );

  it('widens its window, and begins again after a reset', () => {
    const backoff = new Backoff({ shortestMs: 1000, longestMs: 10_000 }, () => 1);
    expect([1, 2, 3, 4, 5].map(() => backoff.nextMs())).toEqual([1600, 2560, 4096, 6554, 10_000]);
    backoff.reset();
    expect(backoff.nextMs()).toBe(1600);
  });

  it('uses the whole window', () => {
    const backoff = new Backoff({ shortestMs: 1000, longestMs: 10_000 }, () => 0);
    expect([1, 2, 3].map(() => backoff.nextMs())).toEqual([1000, 1000, 1000]);
  });
});

describe('a pause that doubles', () => {
  it('begins with the shortest and ends with the longest, however often it is tried', () => {
    const range = { shortestMs: 1000, longestMs: 30_000 };
    expect([1, 2, 3, 4, 5, 6, 7, 1e9].map((attempt) => doublingMs(attempt, range))).toEqual([
      1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000,
    ]);
  });
});

describe('a flap', () => {
  it('is five short lives, with the longest pauses that lie between them', async () => {
    const clock = new FakeClock();
    const flaps = new FlapDetector(clock);
    const seen: boolean[] = [];
    for (const pauseMs of [0, 2000, 4000, 8000, 16_000]) {
      await clock.advance(pauseMs + 9999);
      seen.push(flaps.ended(9999));
    }
    expect(seen).toEqual([false, false, false, false, true]);
    expect(flaps.ended(1)).toBe(false);
  });

  it('is not made by a life that lasted, nor by lives far apart', async () => {
    const clock = new FakeClock();
    const flaps = new FlapDetector(clock);
    for (let life = 0; life < 4; life++) flaps.ended(1);
    flaps.ended(10_000);
    expect([1, 2, 3, 4].map(() => flaps.ended(1))).not.toContain(true);
    await clock.advance(121_000);
    for (let life = 0; life < 20; life++) {
      await clock.advance(40_000);
      expect(flaps.ended(1)).toBe(false);
    }
  });

  it('is waited out for a quarter of an hour, not by all for the same time', () => {
    expect(flapPauseMs(() => 0)).toBe(11.25 * 60_000);
    expect(flapPauseMs(() => 0.5)).toBe(15 * 60_000);
  });
});
