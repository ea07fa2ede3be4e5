import type { Timer } from '../../base/clock.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type { RunningCollector, WatchContext } from '../interface/collector.js';
import { findDatabases } from './databases/files.js';

/** A manager writes its database again and again while it works: it is looked at when it is done. */
const quietMs = 60_000;
/** What goes on for longer is looked at in between. */
const longestWaitMs = 600_000;

/**
 * Notices that the database of packages was written, through the kernel's news of its directory: nothing runs while nothing
 * changes. That of rpm is left to the daily look: its programs write there also when they only read.
 */
export async function watchPackages(
  context: WatchContext,
): Promise<RunningCollector | Unavailable> {
  const { host, lose, changed, fail } = context;
  const { found } = await findDatabases(host.paths);
  const paths = found.map(({ path }) => host.paths.root + path);
  let timer: Timer | undefined;
  let firstMs: number | undefined;
  const look = (): void => {
    timer = firstMs = undefined;
    changed();
  };
  const written = (): void => {
    const nowMs = host.clock.monotonicMs();
    firstMs ??= nowMs;
    timer?.cancel();
    const restMs = firstMs + longestWaitMs - nowMs;
    timer = host.clock.after(Math.max(0, Math.min(quietMs, restMs)), look);
  };
  const subscription =
    paths.length === 0
      ? undefined
      : await host.fileEvents.subscribe({
          paths,
          onEvent: ({ kind, path }) => {
            // Its times and rights say nothing of packages; and beside it are locks and drafts.
            if (kind === 'above' || (paths.includes(path) && kind !== 'attributes')) written();
          },
          onMissed: written,
          lose,
          onFailed: fail,
        });
  if (subscription !== undefined && isUnavailable(subscription)) return subscription;
  return {
    stop: () => {
      timer?.cancel();
      subscription?.end();
      return Promise.resolve();
    },
  };
}
