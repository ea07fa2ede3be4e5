import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { DevicePhase } from '../../../agent/fleet/device-phase.js';
import {
  atCronMoments,
  type MaintenanceWork,
  MaintenanceWindow,
} from '../../../agent/maintenance/maintenance-window.js';
import { nightlyExpression, windowExpression } from '../../../agent/maintenance/night.js';
import { localSettings } from '../../../config/local-settings.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';

/** A window whose moments come when the test says so. */
function windowWith(work: readonly MaintenanceWork[]) {
  const clock = new FakeClock();
  const log = recordingLog();
  let moment = (): void => undefined;
  const ended = vi.fn();
  const window = new MaintenanceWindow({
    expression: '30 2 * * *',
    longestMs: 60_000,
    work,
    clock,
    log,
    atMoments: (_expression, action) => {
      moment = action;
      return ended;
    },
  });
  window.start();
  return { window, clock, log, ended, moment: () => moment() };
}

/** Work that goes on until it is ended, and notes how often it began and how it ended. */
function endless() {
  const seen = { begun: 0, ended: 0 };
  const work: MaintenanceWork = {
    name: 'go on',
    run: (signal) => {
      seen.begun++;
      return new Promise((resolve) =>
        signal.addEventListener('abort', () => {
          seen.ended++;
          resolve();
        }),
      );
    },
  };
  return { seen, work };
}

describe('the maintenance window', () => {
  it('opens at its moments, one at a time', async () => {
    const { seen, work } = endless();
    const { window, moment } = windowWith([work]);
    expect(seen.begun).toBe(0);
    moment();
    moment();
    expect(seen).toEqual({ begun: 1, ended: 0 });
    await window.stop();
  });

  it('ends its work at the deadline, and opens again at the next moment', async () => {
    const { seen, work } = endless();
    const { window, clock, moment } = windowWith([work]);
    moment();
    await clock.advance(60_000);
    await vi.waitFor(() => {
      moment();
      expect(seen).toEqual({ begun: 2, ended: 1 });
    });
    await window.stop();
    expect(seen.ended).toBe(2);
  });

  it('runs nothing after it has stopped', async () => {
    const { seen, work } = endless();
    const { window, ended, moment } = windowWith([work]);
    moment();
    await window.stop();
    expect(seen).toEqual({ begun: 1, ended: 1 });
    expect(ended).toHaveBeenCalledOnce();
    moment();
    expect(seen.begun).toBe(1);
  });

  it('tells of work that failed and does the rest', async () => {
    const after = vi.fn(() => Promise.resolve());
    const fail = (): Promise<void> => Promise.reject(new Error('The disk is gone.'));
    const { window, log, moment } = windowWith([
      { name: 'look', run: fail },
      { name: 'go on', run: after },
    ]);
    moment();
    await vi.waitFor(() => expect(after).toHaveBeenCalledOnce());
    expect(log.messages('warn')).toEqual(['The maintenance could not look: The disk is gone.']);
    await window.stop();
  });
});

describe('the moments of a window', () => {
  const { pattern } = localSettings.maintenanceWindow.format;
  const phase = DevicePhase.of('hub/device/m');

  it('are between one and five at night, spread over the fleet', () => {
    const hours = new Set<string>();
    for (let device = 0; device < 500; device++) {
      const expression = nightlyExpression(DevicePhase.of(`hub/device-${device}/m`));
      expect(expression).toMatch(/^[1-5]?\d [1-4] \* \* \*$/);
      expect(expression).toMatch(new RegExp(pattern));
      hours.add(expression);
    }
    expect(hours.size).toBeGreaterThan(150);
  });

  it('can be any that the setting takes', () => {
    const field = (number: fc.Arbitrary<number>) =>
      fc
        .array(fc.oneof(fc.constant('*'), number.map(String), fc.constant('*/7')), {
          minLength: 1,
          maxLength: 3,
        })
        .map((items) => items.join(','));
    const int = (min: number, max: number) => field(fc.integer({ min, max }));
    fc.assert(
      fc.property(int(0, 59), int(0, 23), int(1, 31), int(1, 12), int(0, 7), (...fields) => {
        const expression = fields.join(' ');
        expect(expression).toMatch(new RegExp(pattern));
        // The 31st of February and its like never come; all else is scheduled.
        const log = recordingLog();
        atCronMoments(windowExpression(expression, phase, log), () => undefined)();
        const [, , day, month] = fields;
        if (!/(29|30|31)/.test(day) || month.includes('*')) expect(log.messages()).toEqual([]);
      }),
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

  it('that never come are told, and those of the night are used', () => {
    const log = recordingLog();
    expect(windowExpression('0 0 31 2 *', phase, log)).toBe(nightlyExpression(phase));
    expect(log.messages('warn')[0]).toContain('"0 0 31 2 *" (maintenanceWindow) never comes');
  });
});
