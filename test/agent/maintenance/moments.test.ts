import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DevicePhase } from '../../../agent/fleet/device-phase.js';
import { daily, maintenanceMoments, nightlyMinute } from '../../../agent/maintenance/moments.js';
import { localSettings } from '../../../config/local-settings.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';

const hourMs = 3_600_000;
const phase = DevicePhase.of('hub/device/m');

/** The moments of the setting; time is that of the test. */
function momentsOf(setting: string | undefined) {
  const log = recordingLog();
  return { log, moments: maintenanceMoments({ setting, phase, clock: new FakeClock(), log }) };
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllEnvs();
});

describe('a moment of each night', () => {
  it('is between one and five, spread over the fleet', () => {
    const minutes = new Set<number>();
    for (let device = 0; device < 500; device++) {
      const minute = nightlyMinute(DevicePhase.of(`hub/device-${device}/m`));
      expect(minute).toBeGreaterThanOrEqual(60);
      expect(minute).toBeLessThan(300);
      minutes.add(minute);
    }
    expect(minutes.size).toBeGreaterThan(150);
  });

  /** When the action was called, local time. */
  function watch(minute: number, wallMs: number) {
    const clock = new FakeClock(wallMs);
    const seen: string[] = [];
    const end = daily(
      minute,
      clock,
    )(() => {
      const now = new Date(clock.wallMs());
      seen.push(`${now.getMonth() + 1}-${now.getDate()} ${now.getHours()}:${now.getMinutes()}`);
    });
    return { clock, seen, end: end as () => void };
  }
  const local = (month: number, day: number, hour: number, minute = 0): number =>
    new Date(2026, month - 1, day, hour, minute).getTime();

  it('comes once a day, until it is ended', async () => {
    const { clock, seen, end } = watch(137, local(1, 2, 2, 0));
    await clock.advance(72 * hourMs);
    expect(seen).toEqual(['1-2 2:17', '1-3 2:17', '1-4 2:17']);
    end();
    expect(clock.timers).toBe(0);
  });

  it('comes each night of a year with summer time, at its time of day where there is one', async () => {
    vi.stubEnv('TZ', 'Europe/Berlin');
    const { clock, seen } = watch(137, local(3, 27, 12));
    await clock.advance(48 * hourMs);
    await clock.advance(local(10, 24, 12) - clock.wallMs());
    await clock.advance(48 * hourMs);
    expect(seen.slice(0, 2)).toEqual(['3-28 2:17', '3-29 3:17']);
    expect(seen.slice(-2)).toEqual(['10-25 2:17', '10-26 2:17']);
    expect(seen).toHaveLength(213);
  });

  it('that was slept through comes after the sleep, once', async () => {
    const { clock, seen } = watch(137, local(1, 2, 2));
    clock.stepWall(30 * hourMs);
    await clock.advance(2 * hourMs);
    expect(seen).toEqual(['1-3 8:17']);
    await clock.advance(24 * hourMs);
    expect(seen).toEqual(['1-3 8:17', '1-4 2:17']);
  });

  it('is not missed by a clock that was set for the first time, nor starved by one that went back', async () => {
    const { clock, seen } = watch(137, Date.UTC(1970, 0, 1));
    clock.stepWall(local(1, 2, 12) - clock.wallMs());
    await clock.advance(12 * hourMs);
    expect(seen).toEqual([]);
    clock.stepWall(-300 * 24 * hourMs);
    await clock.advance(25 * hourMs);
    expect(seen).toHaveLength(1);
  });
});

describe('the moments of a setting', () => {
  const { pattern } = localSettings.maintenanceWindow.format;

  it('can be any that the setting takes', async () => {
    const field = (number: fc.Arbitrary<number>) =>
      fc
        .array(fc.oneof(fc.constant('*'), number.map(String), fc.constant('*/7')), {
          minLength: 1,
          maxLength: 3,
        })
        .map((items) => items.join(','));
    const int = (min: number, max: number) => field(fc.integer({ min, max }));
    await fc.assert(
      fc.asyncProperty(
        int(0, 59),
        int(0, 23),
        int(1, 31),
        int(1, 12),
        int(0, 7),
        async (...fields) => {
          const expression = fields.join(' ');
          expect(expression).toMatch(new RegExp(pattern));
          // The 31st of February and its like never come; all else is scheduled.
          const { log, moments } = momentsOf(expression);
          (await moments(() => undefined))();
          const [, , day, month] = fields;
          if (!/(29|30|31)/.test(day) || month.includes('*')) expect(log.messages()).toEqual([]);
        },
      ),
      { numRuns: 50 },
    );
    for (const wrong of [
      '',
      '61 * * * *',
      '* 24 * * *',
      '* * * *',
      '* * * * * *',
      'a * * * *',
      '@daily',
    ])
      expect(wrong).not.toMatch(new RegExp(pattern));
  });

  it('come when they say, in local time, and not after they were ended', async () => {
    vi.useFakeTimers({ now: new Date(2026, 0, 2, 4, 59, 58) });
    const action = vi.fn();
    const end = await momentsOf('0 5,17 * * *').moments(action);
    await vi.advanceTimersByTimeAsync(hourMs);
    expect(action).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(24 * hourMs);
    expect(action).toHaveBeenCalledTimes(3);
    end();
    await vi.advanceTimersByTimeAsync(24 * hourMs);
    expect(action).toHaveBeenCalledTimes(3);
  });

  it('that never come are told, and those of the night are used', async () => {
    const { log, moments } = momentsOf('0 0 31 2 *');
    (await moments(() => undefined))();
    expect(log.messages('warn')[0]).toContain('"0 0 31 2 *" (maintenanceWindow) never comes');
  });
});
