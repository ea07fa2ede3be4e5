import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import { readExecve } from '../../kernel/audit/execve.js';
import type { ProcessListener, OpenSource } from './listener.js';
import { programOfExecve } from './program.js';
import { tellTable } from './table-feed.js';

/** Programs from the execve calls that audit records. */
export async function openAudit(
  host: Host,
  listener: ProcessListener,
): Promise<OpenSource | Unavailable> {
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
