import type { Clock, Timer } from '../../base/clock.js';
import type { Doer } from './sources/touch.js';

/** A path that may have changed. */
export interface Mark {
  /** Wall clock, ms. */
  readonly timeMs: number;
  /** Who did it last, where a source told. */
  readonly doer: Doer | undefined;
  /** It was seen to come. */
  readonly isNew?: boolean | undefined;
}

interface Waiting extends Mark {
  readonly firstMs: number;
  readonly lastMs: number;
}

interface PendingOptions {
  readonly clock: Clock;
  /** Looks at a path; must not reject. */
  readonly look: (path: string, mark: Mark) => Promise<void>;
  /** A mark that found no room. */
  readonly onOverflow: (doer: Doer | undefined) => void;
}

const mostWaiting = 2048;
/** What an editor does to a file takes less. */
const quietMs = 700;
const longestMs = 2000;
const looksAtOnce = 32;
const restMs = 60;

/**
 * The paths that wait to be looked at.
 *
 * 1. A path is looked at once it was quiet for 0.7 s, and no later than about 2 s after it was marked first, as far as the
 *    pace allows: what was done to it by several calls is one change.
 * 2. One look at a time, and at most 32 in 60 ms, so that a burst leaves time for everything else.
 * 3. At most 2,048 paths wait; what finds no room is told.
 */
export class Pending {
  private readonly waiting = new Map<string, Waiting>();
  private timer: Timer | undefined;
  private isRunning = false;
  private stopped = false;

  constructor(private readonly options: PendingOptions) {}

  has(path: string): boolean {
    return this.waiting.has(path);
  }

  get size(): number {
    return this.waiting.size;
  }

  mark(path: string, { doer, isNew, timeMs }: Mark): void {
    const known = this.waiting.get(path);
    if (known === undefined && this.waiting.size >= mostWaiting) {
      this.options.onOverflow(doer);
      return;
    }
    const nowMs = this.options.clock.monotonicMs();
    this.waiting.set(path, {
      // The call that audit recorded was earlier than inotify was read.
      timeMs: known?.timeMs ?? timeMs,
      doer: doer ?? known?.doer,
      isNew: isNew === true || known?.isNew === true,
      firstMs: known?.firstMs ?? nowMs,
      lastMs: nowMs,
    });
    this.arm(quietMs);
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private arm(delayMs: number): void {
    if (this.stopped || this.isRunning || this.timer !== undefined) return;
    this.timer = this.options.clock.after(delayMs, () => {
      this.timer = undefined;
      void this.run();
    });
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    const { clock, look } = this.options;
    const nowMs = clock.monotonicMs();
    let looks = 0;
    let nextMs = Infinity;
    for (const [path, entry] of [...this.waiting]) {
      const dueMs = Math.min(entry.lastMs + quietMs, entry.firstMs + longestMs);
      if (dueMs > nowMs || looks >= looksAtOnce) {
        nextMs = Math.min(nextMs, Math.max(dueMs - nowMs, restMs));
        continue;
      }
      looks++;
      this.waiting.delete(path);
      await look(path, entry);
      if (this.stopped) return;
    }
    this.isRunning = false;
    if (this.waiting.size > 0) this.arm(Number.isFinite(nextMs) ? nextMs : restMs);
  }
}
