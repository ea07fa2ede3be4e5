import type { StateSubject } from '../../contract/changes.js';
import type { RunningCollector, WatchContext } from './collector.js';

/** The `watch` of a snapshot collector of which `StateChange` notices the changes. */
export function watchState(...subjects: readonly StateSubject[]) {
  return ({ host, changed }: WatchContext): Promise<RunningCollector> => {
    const end = host.stateNews.subscribe(subjects, changed);
    return Promise.resolve({
      stop: () => {
        end();
        return Promise.resolve();
      },
    });
  };
}
