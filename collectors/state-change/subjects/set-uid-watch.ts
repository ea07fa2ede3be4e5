import { lstat } from 'node:fs/promises';
import type { Timer } from '../../../base/clock.js';
import { isUnavailable } from '../../../base/unavailable.js';
import type { RunningCollector } from '../../interface/collector.js';
import type { SubjectWatchContext } from '../../interface/state-subject.js';
import type { FileEventSubscription } from '../../kernel/files/inotify.js';
import { versionOf } from './file-marks.js';

/** How often is compared while something is looked for, or of a file whose changes the kernel does not tell. */
export const comparedEveryMs = 30_000;
/** The same while nothing is: for what no news says, such as a mount. */
const comparedAnywayMs = 600_000;
/** A file that is watched from now on may have changed since it was looked at. */
const comparedSoonMs = 1_000;
const comparedAtOnce = 32;

/** What a look found. */
interface Looked {
  /** Where each file is for this process, and its version. */
  readonly versions: ReadonlyMap<string, string>;
  /** Something was not found yet. */
  readonly isSearching: boolean;
}

/**
 * Notices that a file is not as it was at the last look.
 *
 * 1. A change is noticed by the kernel's news of its directory; where there are none, within half a minute.
 * 2. While nothing changes and nothing is looked for, nothing runs but a comparison each ten minutes.
 * 3. Between two looks the timer is always set.
 */
export class SetUidWatch implements RunningCollector {
  private readonly watched = new Set<string>();
  private versions: ReadonlyMap<string, string> = new Map();
  private subscription: FileEventSubscription | undefined;
  private timer: Timer | undefined;
  private stopped = false;

  /** @param isLookDue whether another look is due for another reason; asked at each comparison */
  constructor(
    private readonly context: SubjectWatchContext,
    private readonly isLookDue: () => boolean,
  ) {}

  async start(): Promise<void> {
    const { changed, fail, host, lose } = this.context;
    const subscription = await host.fileEvents.subscribe({
      paths: [],
      onEvent: () => changed(),
      onMissed: () => changed(),
      lose,
      onFailed: fail,
    });
    if (!isUnavailable(subscription)) this.subscription = subscription;
    this.compareIn(comparedEveryMs);
  }

  stop(): Promise<void> {
    this.stopped = true;
    this.timer?.cancel();
    this.subscription?.end();
    return Promise.resolve();
  }

  /** To be called at the end of each look. */
  looked({ isSearching, versions }: Looked): void {
    this.versions = versions;
    if (this.stopped) return;
    for (const place of this.watched) {
      if (versions.has(place)) continue;
      this.subscription?.unwatch(place);
      this.watched.delete(place);
    }
    const before = this.watched.size;
    for (const place of versions.keys())
      if (!this.watched.has(place) && this.isWatched(place)) this.watched.add(place);
    this.compareIn(this.watched.size > before ? comparedSoonMs : this.restMs(isSearching));
  }

  private restMs(isSearching: boolean): number {
    const isTold = this.watched.size === this.versions.size;
    return isSearching || !isTold ? comparedEveryMs : comparedAnywayMs;
  }

  private isWatched(place: string): boolean {
    return this.subscription !== undefined && this.subscription.watch(place) === undefined;
  }

  private compareIn(delayMs: number): void {
    this.timer?.cancel();
    if (this.stopped) return;
    this.timer = this.context.host.clock.after(delayMs, () => void this.compare());
  }

  private async compare(): Promise<void> {
    const { versions } = this;
    const isDifferent = this.isLookDue() || (await isAnyDifferent(versions));
    // A look that ended meanwhile has set the next time.
    if (this.stopped || this.versions !== versions) return;
    if (isDifferent) this.context.changed();
    this.compareIn(this.restMs(isDifferent));
  }
}

/** Many at once, for which the threads of the pool wake up once instead of for each. */
async function isAnyDifferent(versions: ReadonlyMap<string, string>): Promise<boolean> {
  const all = [...versions];
  for (let at = 0; at < all.length; at += comparedAtOnce) {
    const part = all.slice(at, at + comparedAtOnce).map(async ([place, version]) => {
      const stats = await lstat(place).catch(() => undefined);
      return stats === undefined || versionOf(stats) !== version;
    });
    if ((await Promise.all(part)).includes(true)) return true;
  }
  return false;
}
