import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChangePace } from '../../../agent/runner/change-pace.js';
import { FakeClock } from '../../support/fake-clock.js';

function setUp() {
  const clock = new FakeClock();
  const startMs = clock.monotonicMs();
  const taken: number[] = [];
  const pace: ChangePace = new ChangePace(clock, () => taken.push(clock.monotonicMs() - startMs));
  return { clock, pace, taken };
}

describe('a change', () => {
  it('is taken within two seconds, and then nothing waits', async () => {
    const { clock, pace, taken } = setUp();
    pace.changed();
    await clock.advance(2_000);
    expect(taken).toHaveLength(1);
    await clock.advance(86_400_000);
    expect(taken).toHaveLength(1);
    expect(clock.timers).toBe(0);
  });

  it('is taken once with those that come with it, and not put off by those that go on coming', async () => {
    const { clock, pace, taken } = setUp();
    for (let count = 0; count < 5; count++) {
      pace.changed();
      await clock.advance(200);
    }
    await clock.advance(2_000);
    expect(taken).toHaveLength(1);
    for (let count = 0; count < 40; count++) {
      pace.changed();
      await clock.advance(100);
    }
    expect(taken).toHaveLength(2);
  });

  it('is taken later when there were many, and at most ten times in an hour', async () => {
    const { clock, pace, taken } = setUp();
    for (let second = 0; second < 7_200; second++) {
      pace.changed();
      await clock.advance(1_000);
    }
    const within = (fromMs: number) =>
      taken.filter((ms) => ms >= fromMs && ms < fromMs + 3_600_000).length;
    expect(Math.max(...taken.map(within))).toBeLessThanOrEqual(10);
    const gaps = taken.map((ms, index) => ms - (taken[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(604_000);
  });

  it('that a snapshot has told already is not taken again', async () => {
    const { clock, pace, taken } = setUp();
    pace.changed();
    await clock.advance(500);
    pace.covered();
    await clock.advance(86_400_000);
    expect(taken).toEqual([]);
  });

  it('is never forgotten, whenever changes and snapshots come', async () => {
    const step = fc.oneof(
      fc.constant('change' as const),
      fc.constant('snapshot' as const),
      fc.nat(900_000),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, pace, taken } = setUp();
        let told = true;
        const look = () => {
          if (taken.splice(0).length > 0) told = true;
        };
        for (const next of steps) {
          if (next === 'change') {
            pace.changed();
            told = false;
          } else if (next === 'snapshot') {
            pace.covered();
            told = true;
          } else {
            await clock.advance(next);
            look();
          }
        }
        await clock.advance(2_400_000);
        look();
        expect(told).toBe(true);
        expect(clock.timers).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});
