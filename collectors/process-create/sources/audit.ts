import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { readExecve } from '../../kernel/audit/execve.js';
import { programOfExecve, type StartedProgram, tellTable } from './program.js';

/** Programs from the execve calls that audit records. */
export const audit: Source<StartedProgram> = { name: 'audit', open };

async function open(host: Host, told: Told<StartedProgram>): Promise<OpenSource | Unavailable> {
  const feed = host.processes.feed();
  const opened = await host.audit.subscribe({
    name: 'ProcessCreate',
    rules: [{ syscalls: ['execve', 'execveat'], outcome: 'success' }],
    evenWithoutRules: host.settings.processSource === 'audit',
    onEvent: (event) => {
      const execve = readExecve(event);
      if (execve === undefined) return;
      if (!execve.complete) told.lose('argumentsMissing', 1);
      const program = programOfExecve(execve, event);
      told.onFacts(tellTable(feed, program, true));
    },
    lose: told.lose,
    onState: told.onState,
    onFailed: (error) => {
      feed.end();
      told.onFailed(error);
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
