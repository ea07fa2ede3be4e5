import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type { RunningCollector } from './collector.js';

/** What runs as long as its one subscription, and has nothing else to undo; or why that cannot be had. */
export function whileSubscribed(
  subscription: { end(): void } | Unavailable,
): RunningCollector | Unavailable {
  if (isUnavailable(subscription)) return subscription;
  return {
    stop: () => {
      subscription.end();
      return Promise.resolve();
    },
  };
}
