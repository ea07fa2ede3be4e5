import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { atMidnightUtc, DailyUnits } from '../../../agent/uplink/daily-units.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';

afterEach(() => {
  vi.useRealTimers();
});

it('a new day begins at midnight UTC, wherever the device is, and not after it was ended', async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 2, 23, 59, 58) });
  let days = 0;
  const end = await atMidnightUtc(() => {
    days += 1;
  });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(days).toBe(0);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(days).toBe(1);
  await vi.advanceTimersByTimeAsync(24 * 3_600_000);
  expect(days).toBe(2);
  end();
  await vi.advanceTimersByTimeAsync(24 * 3_600_000);
  expect(days).toBe(2);
});

it('without a cap the count of the day is kept over a restart, and written once for it', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'units-'));
  const options = {
    maxUnits: 0,
    path: join(directory, 'daily-units.json'),
    clock: new FakeClock(),
    log: recordingLog(),
  };
  const before = new DailyUnits(options);
  await before.start(() => undefined);
  before.add(3);
  before.add(1);
  before.acknowledged(1);
  expect(existsSync(options.path)).toBe(false);
  await before.stop();
  const after = new DailyUnits(options);
  await after.start(() => undefined);
  expect(after.stats()).toMatchObject({
    unitsToday: 4,
    messagesToday: 2,
    acknowledgedUnitsToday: 1,
    acknowledgedMessagesToday: 1,
  });
  await options.clock.advance(24 * 3_600_000);
  expect(after.stats()).toMatchObject({ unitsToday: 0, messagesToday: 0 });
  rmSync(directory, { recursive: true });
});
