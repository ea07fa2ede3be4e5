import { reasonOf } from '../../../base/errors.js';
import type { Timer } from '../../../base/clock.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { type ProcessFacts, readProcess } from '../../kernel/processes/proc.js';
import { ProcessPolling } from '../../kernel/processes/process-polling.js';
import { programOfProcess, type StartedProgram } from './program.js';

/** While the kernel loads a program its arguments cannot be read yet; a busy machine may stop it there for some time. */
const untilLoaded = { pauseMs: 20, looks: 10 } as const;

/** Programs that are new in /proc, looked at in intervals. */
export const polling: Source<StartedProgram> = { name: 'polling', open };

function open(host: Host, told: Told<StartedProgram>): Promise<OpenSource | Unavailable> {
  const { clock, paths, settings } = host;
  const intervalMs = settings.processPollingInterval.ms;
  const loading = new Map<Timer, () => void>();
  const tell = (facts: ProcessFacts, timeMs: number): void =>
    told.onFacts(programOfProcess(facts, timeMs));
  const tellWhenLoaded = (facts: ProcessFacts, timeMs: number, looks: number): void => {
    if (looks === 0 || !isBeingLoaded(facts)) {
      tell(facts, timeMs);
      return;
    }
    const timer = clock.after(untilLoaded.pauseMs, () => {
      loading.delete(timer);
      const now = readProcess(paths, facts.pid);
      // Of one that is gone, all that will ever be known was read.
      const isSame = now?.startTicks === facts.startTicks && now.executable !== undefined;
      if (isSame) tellWhenLoaded(now, timeMs, looks - 1);
      else tell(facts, timeMs);
    });
    loading.set(timer, () => tell(facts, timeMs));
  };
  const polling = new ProcessPolling({
    paths,
    clock,
    intervalMs,
    lose: told.lose,
    onProcess: (pid) => {
      const facts = readProcess(paths, pid);
      if (facts === undefined) told.lose('processGone', 1);
      else tellWhenLoaded(facts, clock.wallMs(), untilLoaded.looks);
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
      for (const [timer, tellNow] of loading) {
        timer.cancel();
        tellNow();
      }
      loading.clear();
      return Promise.resolve();
    },
  });
}

/** It executes a program already and has none of its arguments (begin_new_exec in the kernel's fs/exec.c). */
function isBeingLoaded({ argv, executable }: ProcessFacts): boolean {
  return executable !== undefined && argv?.length === 0;
}
