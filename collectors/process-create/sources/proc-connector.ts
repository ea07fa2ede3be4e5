import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { ConnectorPrograms } from './connector-programs.js';
import { type StartedProgram, tellTable } from './program.js';

/** Programs from the process events of the kernel, each read from /proc at once. */
export const procConnector: Source<StartedProgram> = { name: 'proc-connector', open };

async function open(host: Host, told: Told<StartedProgram>): Promise<OpenSource | Unavailable> {
  const feed = host.processes.feed();
  const programs = new ConnectorPrograms(host, (program) => {
    if (!hasCommandLine(program)) told.lose('processGone', 1);
    told.onFacts(tellTable(feed, program, false));
  });
  const opened = await host.processEvents.subscribe({
    lose: told.lose,
    onFailed: (error) => {
      programs.end();
      feed.end();
      told.onFailed(error);
    },
    isFresh: () => true,
    onEvent: (event) => programs.take(event),
  });
  if (isUnavailable(opened)) {
    feed.end();
    return opened;
  }
  told.onState({
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
