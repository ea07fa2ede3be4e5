import type { Clock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { Part } from '../../base/life-cycle.js';
import type { Log } from '../../base/log.js';
import type { Moments } from './moments.js';

/** Work that is too heavy for any moment. */
export interface MaintenanceWork {
  /** Completes "The maintenance could not …". */
  readonly name: string;
  /** Ends soon after the signal is aborted, and keeps what it has until then. */
  run(signal: AbortSignal): Promise<void>;
}

interface MaintenanceOptions {
  readonly moments: Moments;
  /** Of all work together. */
  readonly longestMs: number;
  readonly work: readonly MaintenanceWork[];
  readonly clock: Clock;
  readonly log: Log;
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
  /** What ends the moments, from the start to the stop. */
  private moments: Promise<() => void> | undefined;

  constructor(private readonly options: MaintenanceOptions) {}

  async start(): Promise<void> {
    this.moments = Promise.resolve(this.options.moments(() => this.begin()));
    await this.moments;
  }

  async stop(): Promise<void> {
    const { moments, open } = this;
    this.moments = undefined;
    open?.abort.abort();
    // What could not be planned was told by the start.
    await moments?.then(
      (end) => end(),
      () => undefined,
    );
    await open?.done;
  }

  private begin(): void {
    if (this.open !== undefined || this.moments === undefined) return;
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
