import { schedule } from 'node-cron';
import type { Clock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { Part } from '../../base/life-cycle.js';
import type { Log } from '../../base/log.js';

/** Calls `action` at each moment of a cron expression, local time; returns what ends that. */
export type AtMoments = (expression: string, action: () => void) => () => void;

export const atCronMoments: AtMoments = (expression, action) => {
  const task = schedule(expression, action, { suppressMissedWarning: true, unref: true });
  // A device that slept through its window does the work when it wakes.
  task.on('execution:missed', action);
  return () => void task.destroy();
};

/** Work that is too heavy for any moment. */
export interface MaintenanceWork {
  /** Completes "The maintenance could not …". */
  readonly name: string;
  /** Ends soon after the signal is aborted, and keeps what it has until then. */
  run(signal: AbortSignal): Promise<void>;
}

interface MaintenanceOptions {
  /** As in crontab(5). */
  readonly expression: string;
  /** Of all work together. */
  readonly longestMs: number;
  readonly work: readonly MaintenanceWork[];
  readonly clock: Clock;
  readonly log: Log;
  readonly atMoments?: AtMoments;
}

/**
 * Does heavy work at the moments of a schedule.
 *
 * 1. One window at a time, in it one piece of work at a time; a moment that comes while one is open is passed over.
 * 2. A piece that fails is told and keeps no other from running.
 * 3. After `stop` has resolved nothing runs.
 */
export class MaintenanceWindow implements Part {
  readonly name = 'the maintenance window';
  private open: { readonly abort: AbortController; readonly done: Promise<void> } | undefined;
  private endSchedule: (() => void) | undefined;

  constructor(private readonly options: MaintenanceOptions) {}

  start(): void {
    const { atMoments = atCronMoments, expression, log } = this.options;
    this.endSchedule = atMoments(expression, () => this.begin());
    log.debug(`Maintenance begins at the moments of "${expression}".`);
  }

  async stop(): Promise<void> {
    this.endSchedule?.();
    this.endSchedule = undefined;
    this.open?.abort.abort();
    await this.open?.done;
  }

  private begin(): void {
    if (this.open !== undefined || this.endSchedule === undefined) return;
    const abort = new AbortController();
    const { clock, longestMs } = this.options;
    const deadline = clock.after(longestMs, () => abort.abort());
    const done = this.runAll(abort.signal).finally(() => {
      deadline.cancel();
      this.open = undefined;
    });
    this.open = { abort, done };
  }

  private async runAll(signal: AbortSignal): Promise<void> {
    const { log, work } = this.options;
    for (const piece of work) {
      if (signal.aborted) return;
      try {
        await piece.run(signal);
      } catch (error) {
        log.warn(`The maintenance could not ${piece.name}: ${reasonOf(error)}`);
      }
    }
  }
}
