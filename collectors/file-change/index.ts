import type { TriggeredCollector } from '../interface/collector.js';
import { FileWatch } from './file-watch.js';
import { wantedPlaces } from './places/wanted.js';

/** Every change of what makes something run again, lets somebody in, or is the agent itself; and of further paths. */
export const fileChange: TriggeredCollector<'FileChange'> = {
  kind: 'triggered',
  name: 'FileChange',
  async start(context) {
    const watch = new FileWatch(context, await wantedPlaces(context.host));
    const unavailable = await watch.start();
    return unavailable ?? watch;
  },
};
