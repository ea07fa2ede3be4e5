import { reasonOf } from '../../../base/errors.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { readProcess } from '../../kernel/processes/proc.js';
import { ProcessPolling } from '../../kernel/processes/process-polling.js';
import { programOfProcess, type StartedProgram } from './program.js';

/** Programs that are new in /proc, looked at in intervals. */
export const polling: Source<StartedProgram> = { name: 'polling', open };

function open(host: Host, told: Told<StartedProgram>): Promise<OpenSource | Unavailable> {
  const { clock, paths, settings } = host;
  const intervalMs = settings.processPollingInterval.ms;
  const polling = new ProcessPolling({
    paths,
    clock,
    intervalMs,
    lose: told.lose,
    onProcess: (pid) => {
      const facts = readProcess(paths, pid);
      if (facts === undefined) told.lose('processGone', 1);
      else told.onFacts(programOfProcess(facts, clock.wallMs()));
    },
  });
  try {
    polling.start();
  } catch (error) {
    const reason = reasonOf(error);
    return Promise.resolve({ unavailable: `${paths.procRoot} cannot be listed: ${reason}.` });
  }
  told.onState({
    source: 'polling',
    limitation: `Programs that live shorter than ${settings.processPollingInterval.text} may not be seen.`,
  });
  return Promise.resolve({
    end: () => {
      polling.stop();
      return Promise.resolve();
    },
  });
}
