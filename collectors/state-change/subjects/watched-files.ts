import type { Unavailable } from '../../../base/unavailable.js';
import type { RunningCollector } from '../../interface/collector.js';
import type { SubjectWatchContext } from '../../interface/state-subject.js';
import { whileSubscribed } from '../../interface/while-subscribed.js';
import type { Paths } from '../../kernel/paths.js';

/** The `watch` of a subject whose items are in a few files or directories; what is not there is noticed when it comes. */
export function watchedFiles(pathsOf: (paths: Paths) => readonly string[]) {
  return async (context: SubjectWatchContext): Promise<RunningCollector | Unavailable> => {
    const { changed, fail, host, lose } = context;
    const subscription = await host.fileEvents.subscribe({
      paths: pathsOf(host.paths),
      onEvent: () => changed(),
      onMissed: () => changed(),
      lose,
      onFailed: fail,
    });
    return whileSubscribed(subscription);
  };
}
