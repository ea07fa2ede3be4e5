import { validate } from 'node-cron';
import type { Log } from '../../base/log.js';
import type { DevicePhase } from '../fleet/device-phase.js';

const firstHour = 1;
const nightMinutes = 4 * 60;

/**
 * The cron expression of a moment of the device's own each night, local time: machines that share a disk, a power supply or
 * a host of virtual machines do not all read their disks at once.
 */
export function nightlyExpression(phase: Pick<DevicePhase, 'untilMs'>): string {
  const minutes = Math.floor(phase.untilMs('maintenance', nightMinutes * 60_000, 0) / 60_000);
  return `${minutes % 60} ${firstHour + Math.floor(minutes / 60)} * * *`;
}

/** When the maintenance window opens: as it is set, where that moment ever comes. */
export function windowExpression(
  setting: string | undefined,
  phase: Pick<DevicePhase, 'untilMs'>,
  log: Log,
): string {
  if (setting === undefined) return nightlyExpression(phase);
  if (validate(setting)) return setting;
  const nightly = nightlyExpression(phase);
  log.warn(
    `The moment "${setting}" (maintenanceWindow) never comes; the window opens at "${nightly}" instead. Correct the setting.`,
  );
  return nightly;
}
