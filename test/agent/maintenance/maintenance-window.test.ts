import { describe, expect, it, vi } from 'vitest';
import {
  type MaintenanceWork,
  MaintenanceWindow,
} from '../../../agent/maintenance/maintenance-window.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';

/** A window whose moments come when the test says so. */
function windowWith(work: readonly MaintenanceWork[]) {
  const clock = new FakeClock();
  const log = recordingLog();
  let moment = (): void => undefined;
  const ended = vi.fn();
  const window = new MaintenanceWindow({
    longestMs: 60_000,
    work,
    clock,
    log,
    moments: (action) => {
      moment = action;
      return ended;
    },
  });
  void window.start();
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
