import { reasonOf } from '../../../base/errors.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Host } from '../../host.js';
import type { SourceState, Unavailable } from '../../interface/collector.js';
import { isUnavailable } from '../../interface/collector.js';
import { readExecve } from '../../kernel/audit/execve.js';
import { readProcess } from '../../kernel/processes/proc.js';
import { ProcessPolling } from '../../kernel/processes/process-polling.js';
import type { ProgramFeed } from '../../kernel/processes/processes.js';
import { programOfExecve, programOfProcess, type StartedProgram } from '../payload.js';
import { ConnectorPrograms } from './connector-programs.js';

/** The sources of started programs, the best first. */
export const processSources = ['audit', 'proc-connector', 'polling'] as const;
export type ProcessSource = (typeof processSources)[number];

export interface ProcessListener {
  readonly onProgram: (program: StartedProgram) => void;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The source ended for good. */
  readonly onFailed: (error: Error) => void;
}

interface OpenSource {
  end(): Promise<void>;
}

/** Arms one source; every program from then on is told, as far as the source can see it. */
export function openProcessSource(
  source: ProcessSource,
  host: Host,
  listener: ProcessListener,
): Promise<OpenSource | Unavailable> {
  switch (source) {
    case 'audit':
      return openAudit(host, listener);
    case 'proc-connector':
      return openProcConnector(host, listener);
    case 'polling':
      return openPolling(host, listener);
  }
}

async function openAudit(host: Host, listener: ProcessListener): Promise<OpenSource | Unavailable> {
  const feed = host.processes.feed();
  const opened = await host.audit.subscribe({
    name: 'ProcessCreate',
    rules: [{ syscalls: ['execve', 'execveat'], outcome: 'success' }],
    evenWithoutRules: host.settings.processSource === 'audit',
    onEvent: (event) => {
      const execve = readExecve(event);
      if (execve === undefined) return;
      if (!execve.complete) listener.lose('argumentsMissing', 1);
      const program = programOfExecve(execve, event);
      listener.onProgram(tellTable(feed, program, true));
    },
    lose: listener.lose,
    onState: listener.onState,
    onFailed: (error) => {
      feed.end();
      listener.onFailed(error);
    },
  });
  if (isUnavailable(opened)) {
    feed.end();
    return opened;
  }
  return {
    end: async () => {
      await opened.end();
      feed.end();
    },
  };
}

/** The program with the parent that the table knows it to have had. */
function tellTable(feed: ProgramFeed, program: StartedProgram, audited: boolean): StartedProgram {
  const { argv, executable, parentPid, pid, realUid, serial, timeMs } = program;
  const facts = {
    ...(executable !== undefined && { executable }),
    ...(argv.length > 0 && { argv, argvComplete: program.argvComplete }),
    ...(realUid !== undefined && { realUid }),
    audited,
  };
  const forkedBy = feed.executed(pid, parentPid, facts, timeMs, serial);
  return forkedBy === undefined ? program : { ...program, parentPid: forkedBy };
}

async function openProcConnector(
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

function openPolling(host: Host, listener: ProcessListener): Promise<OpenSource | Unavailable> {
  const { clock, paths, settings } = host;
  const intervalMs = settings.processPollingInterval.ms;
  const polling = new ProcessPolling({
    paths,
    clock,
    intervalMs,
    lose: listener.lose,
    onProcess: (pid) => {
      const facts = readProcess(paths, pid);
      if (facts === undefined) listener.lose('processGone', 1);
      else listener.onProgram(programOfProcess(facts, clock.wallMs()));
    },
  });
  try {
    polling.start();
  } catch (error) {
    const reason = reasonOf(error);
    return Promise.resolve({ unavailable: `${paths.procRoot} cannot be listed: ${reason}.` });
  }
  listener.onState({
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

function hasCommandLine({ argv }: StartedProgram): boolean {
  return argv.length > 0;
}
