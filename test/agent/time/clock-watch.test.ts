import { beforeEach, describe, expect, it } from 'vitest';
import { ClockWatch, stepSentence, type ClockStep } from '../../../agent/time/clock-watch.js';
import { WakingClock } from '../../../base/waking-clock.js';
import { FakeClock } from '../../support/fake-clock.js';

let awake: FakeClock;
let sleptMs: number;
let steps: ClockStep[];

beforeEach(() => {
  awake = new FakeClock(Date.UTC(2026, 0, 2));
  sleptMs = 0;
  steps = [];
  const clock = new WakingClock(awake, () => awake.monotonicMs() + sleptMs);
  new ClockWatch(clock, (step) => steps.push(step)).start();
});

describe('a wall clock that is set', () => {
  it.each([
    [
      'back an hour',
      -3_600_000,
      /set back by 1 h, from 2026-01-02T00:00:15Z to 2026-01-01T23:00:15Z/,
    ],
    ['forward a day', 86_400_000, /set forward by 1 d, from 2026-01-02T00:00:15Z/],
  ])('%s is noticed once, with what it said before', async (_name, byMs, sentence) => {
    await awake.advance(10_000);
    awake.stepWall(byMs);
    await awake.advance(5_000);
    await awake.advance(3_600_000);
    expect(steps).toHaveLength(1);
    expect(steps.map(stepSentence).join()).toMatch(sentence);
  });

  it('by what time services do every day is no news', async () => {
    for (let n = 0; n < 100; n++) {
      awake.stepWall(1_000);
      await awake.advance(5_000);
    }
    expect(steps).toEqual([]);
  });
});

it('sleep of the device is no step of its clock', async () => {
  await awake.advance(60_000);
  sleptMs = 3_600_000;
  awake.stepWall(3_600_000);
  await awake.advance(60_000);
  expect(steps).toEqual([]);
});
