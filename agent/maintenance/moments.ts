import { clockIsSetAfterMs, type Clock, type Timer } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import type { DevicePhase } from '../fleet/device-phase.js';

/** Calls `action` at each of some moments; gives what ends that. */
export type Moments = (action: () => void) => (() => void) | Promise<() => void>;

const firstHour = 1;
const nightMinutes = 4 * 60;
/** How long a step of the wall clock may go unnoticed. */
const longestWaitMs = 3_600_000;
/** With an hour that is put in. */
const longestDayMs = 25 * 3_600_000;

/**
 * Minutes after midnight, local time, of a moment of the device's own each night: machines that share a disk, a power
 * supply or a host of virtual machines do not all read their disks at once.
 */
export function nightlyMinute(phase: Pick<DevicePhase, 'untilMs'>): number {
  return (
    firstHour * 60 + Math.floor(phase.untilMs('maintenance', nightMinutes * 60_000, 0) / 60_000)
  );
}

/** Each day at `minute` after midnight, local time; an hour that summer time takes out puts it off by that hour. */
export function daily(minute: number, clock: Clock): Moments {
  return (action) => {
    let timer: Timer | undefined;
    let dueMs = 0;
    let plannedMs = 0;
    const plan = (nowMs: number): void => {
      plannedMs = nowMs;
      dueMs = nextAt(minute, nowMs);
    };
    const wait = (nowMs: number): void => {
      timer = clock.after(Math.min(Math.max(0, dueMs - nowMs), longestWaitMs), look);
    };
    const look = (): void => {
      const nowMs = clock.wallMs();
      // A device that slept through the moment does the work when it wakes; one whose clock was set has missed nothing.
      const wasSet = plannedMs < clockIsSetAfterMs && nowMs >= clockIsSetAfterMs;
      const isDue = nowMs >= dueMs && !wasSet;
      const wentBack = dueMs - nowMs > longestDayMs;
      if (isDue || wasSet || wentBack) plan(nowMs);
      wait(nowMs);
      if (isDue) action();
    };
    plan(clock.wallMs());
    wait(plannedMs);
    return () => timer?.cancel();
  };
}

function nextAt(minute: number, nowMs: number): number {
  const moment = new Date(nowMs);
  moment.setHours(0, minute, 0, 0);
  if (moment.getTime() <= nowMs) {
    moment.setDate(moment.getDate() + 1);
    moment.setHours(0, minute, 0, 0);
  }
  return moment.getTime();
}

interface MaintenanceMomentsOptions {
  /** The setting `maintenanceWindow`: a cron expression, local time. */
  readonly setting: string | undefined;
  readonly phase: Pick<DevicePhase, 'untilMs'>;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * When the maintenance window opens: as it is set, where that moment ever comes, otherwise each night. What follows an
 * expression takes 5 MB, because it loads the data of all time zones; so it is loaded where one is set.
 */
export function maintenanceMoments(options: MaintenanceMomentsOptions): Moments {
  const { setting, phase, clock, log } = options;
  const nightly = daily(nightlyMinute(phase), clock);
  if (setting === undefined) return nightly;
  return async (action) => {
    const { schedule, validate } = await import('node-cron');
    if (!validate(setting)) {
      log.warn(
        `The moment "${setting}" (maintenanceWindow) never comes; the window opens each night between 1:00 and 5:00 instead. Correct the setting.`,
      );
      return nightly(action);
    }
    const task = schedule(setting, action, { suppressMissedWarning: true, unref: true });
    // A device that slept through its window does the work when it wakes.
    task.on('execution:missed', action);
    return () => void task.destroy();
  };
}
