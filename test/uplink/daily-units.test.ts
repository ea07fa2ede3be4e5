import { afterEach, expect, it, vi } from 'vitest';
import { atMidnightUtc } from '../../agent/uplink/daily-units.js';

afterEach(() => {
  vi.useRealTimers();
});

it('a new day begins at midnight UTC, wherever the device is, and not after it was ended', async () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 2, 23, 59, 58) });
  let days = 0;
  const end = atMidnightUtc(() => {
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
