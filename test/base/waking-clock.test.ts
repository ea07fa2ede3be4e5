import { beforeEach, describe, expect, it } from 'vitest';
import { WakingClock } from '../../base/waking-clock.js';
import { FakeClock } from '../support/fake-clock.js';

let awake: FakeClock;
let sleptMs: number;
let clock: WakingClock;
let fired: string[];

beforeEach(() => {
  awake = new FakeClock();
  sleptMs = 0;
  fired = [];
  clock = new WakingClock(awake, () => 70_000 + awake.monotonicMs() + sleptMs);
});

const at = (name: string, delayMs: number) => clock.after(delayMs, () => void fired.push(name));
const hour = 3_600_000;

describe('a device that is suspended', () => {
  it('does what fell due during its sleep within seconds after it, in order', async () => {
    at('later', hour);
    at('sooner', 10 * 60_000);
    at('much later', 3 * hour);
    await awake.advance(60_000);
    sleptMs = 2 * hour;
    await awake.advance(5_000);
    expect(fired).toEqual(['sooner', 'later']);
    await awake.advance(hour - 65_000 - 1);
    expect(fired).toHaveLength(2);
    await awake.advance(1);
    expect(fired).toEqual(['sooner', 'later', 'much later']);
  });

  it('sees the time go on by its sleep, once', async () => {
    at('something', hour * 24);
    await awake.advance(5_000);
    const beforeMs = clock.monotonicMs();
    sleptMs = hour;
    await awake.advance(5_000);
    await awake.advance(5_000);
    expect(clock.monotonicMs() - beforeMs).toBe(hour + 10_000);
  });

  it('does not do what was cancelled', async () => {
    const timer = at('cancelled', hour);
    at('other', 2 * hour);
    timer.cancel();
    sleptMs = 3 * hour;
    await awake.advance(5_000);
    expect(fired).toEqual(['other']);
  });

  it('also finds a sleep during which no timer was set', async () => {
    at('first', 1_000);
    await awake.advance(10_000);
    sleptMs = hour;
    await awake.advance(1_000);
    at('second', hour / 2);
    await awake.advance(5_000);
    expect(fired).toEqual(['first']);
    await awake.advance(hour / 2);
    expect(fired).toEqual(['first', 'second']);
  });
});

it('does not take the sleep before it for part of an interval that begins now', async () => {
  at('long', 24 * hour);
  await awake.advance(4_000);
  sleptMs = hour;
  at('deadline', 30_000);
  await awake.advance(29_999);
  expect(fired).toEqual([]);
  await awake.advance(1);
  expect(fired).toEqual(['deadline']);
});

describe('a device that stays awake', () => {
  it('neither fires early nor late when its wall clock is set', async () => {
    at('due', hour);
    awake.stepWall(24 * hour);
    await awake.advance(hour - 1);
    awake.stepWall(-48 * hour);
    expect(fired).toEqual([]);
    await awake.advance(1);
    expect(fired).toEqual(['due']);
  });

  it('is not woken to look for sleep beside timers that follow one another', async () => {
    const wokenMs = new Set<number>();
    const looking = new WakingClock(awake, () => {
      wokenMs.add(awake.monotonicMs());
      return 70_000 + awake.monotonicMs();
    });
    looking.after(24 * hour, () => undefined);
    await awake.advance(2_000);
    const repeat = (): void => void looking.after(5_000, repeat);
    repeat();
    await awake.advance(60_000);
    expect(wokenMs.size).toBe(2 + 12);
  });

  it('takes the coarseness of the time since boot for no sleep', async () => {
    at('due', hour);
    sleptMs = 900;
    await awake.advance(hour - 1);
    expect(fired).toEqual([]);
  });
});
