import { readBootId } from '../../collectors/kernel/processes/proc.js';
import { absencePayload, absenceSentence, severityOf } from '../absence/absence-text.js';
import { AbsenceWatch } from '../absence/absence-watch.js';
import { momentNow } from '../absence/moment.js';
import { busyMs, Traces } from '../absence/traces.js';
import type { AgentOptions, Parts } from './parts.js';

/** Tells in which times nobody watched: in the log, as a Diagnostic, and as a change of the state of the agent. */
export function absenceWatch(
  { clock, local, log }: Pick<AgentOptions, 'clock' | 'local' | 'log'>,
  { diagnostics, host, pipeline }: Parts,
): AbsenceWatch {
  const bootId = readBootId(host.paths);
  const nameOf = (uid: number): string | undefined => host.users.nameOf(uid);
  return new AbsenceWatch({
    clock,
    moment: () => momentNow(bootId, clock.wallMs()),
    ownPid: host.ownPid,
    traces: new Traces(local.runtimeDirectory),
    busyMs: () => busyMs(host.paths.procRoot),
    audit: host.audit,
    tell: (absence) => {
      const severity = severityOf(absence);
      const sentence = absenceSentence(absence, nameOf);
      log[severity === 'Warning' ? 'warn' : 'info'](sentence);
      diagnostics.tell(severity, sentence);
      const payload = absencePayload(absence, nameOf);
      pipeline.observe('StateChange', { payload, timeMs: clock.wallMs() });
    },
  });
}
