import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import { ConnectorPrograms } from './connector-programs.js';
import type { ProcessListener, OpenSource } from './listener.js';
import type { StartedProgram } from './program.js';
import { tellTable } from './table-feed.js';

/** Programs from the process events of the kernel, each read from /proc at once. */
export async function openProcConnector(
  host: Host,
  listener: ProcessListener,
): Promise<OpenSource | Unavailable> {
  const feed = host.processes.feed();
  const programs = new ConnectorPrograms(host, (program) => {
    if (!hasCommandLine(program)) listener.lose('processGone', 1);
    listener.onProgram(tellTable(feed, program, false));
  });
  const opened = await host.processEvents.subscribe({
    lose: listener.lose,
    onFailed: (error) => {
      programs.end();
      feed.end();
      listener.onFailed(error);
    },
    isFresh: () => true,
    onEvent: (event) => programs.take(event),
  });
  if (isUnavailable(opened)) {
    feed.end();
    return opened;
  }
  listener.onState({
    source: 'proc-connector',
    limitation:
      'The command line of a program that ends, or executes another one, within milliseconds may be unknown.',
  });
  return {
    end: () => {
      programs.end();
      opened.end();
      feed.end();
      return Promise.resolve();
    },
  };
}

function hasCommandLine({ argv }: StartedProgram): boolean {
  return argv.length > 0;
}
