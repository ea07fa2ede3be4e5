import { systemClock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import { isUnavailable } from '../../base/unavailable.js';
import { openAuditControl } from '../../collectors/kernel/audit/control.js';
import type { AuditStatus } from '../../collectors/kernel/audit/status.js';
import type { Libc } from '../../collectors/kernel/libc.js';
import type { KernelReader } from '../../collectors/kernel/reader.js';
import { note, ok, unknown, type Finding } from './finding.js';
import { readText } from './read-text.js';

const enoughBacklog = 8192;

/** What kernel audit is like, and who owns it. Nothing is changed. */
export async function auditFindings(libc: Libc, reader: KernelReader): Promise<readonly Finding[]> {
  const control = openAuditControl({
    libc,
    reader,
    clock: systemClock,
    onReplace: () => undefined,
  });
  if (isUnavailable(control)) {
    return [
      note(
        'audit',
        `kernel audit is not there: ${control.unavailable}`,
        'use a kernel with CONFIG_AUDIT; until then short-lived programs are missed',
      ),
    ];
  }
  try {
    const commandLine = readText('/proc/cmdline') ?? '';
    return auditAdvice(await control.status(), commandLine, (pid) =>
      readText(`/proc/${pid}/comm`)?.trim(),
    );
  } catch (error) {
    return [
      unknown(
        'audit',
        `the state of kernel audit may not be read: ${reasonOf(error)}`,
        'run doctor as root, outside of containers',
      ),
    ];
  } finally {
    control.close();
  }
}

/** What there is to say about the state of audit. */
export function auditAdvice(
  status: AuditStatus,
  kernelCommandLine: string,
  nameOf: (pid: number) => string | undefined,
): readonly Finding[] {
  const { backlogLimit, enabled, lost, ownerPid } = status;
  const owner =
    ownerPid === 0
      ? 'owned by nobody'
      : `owned by ${nameOf(ownerPid) ?? 'a process that ended'} (${ownerPid})`;
  const state = ['off; the agent switches it on', 'on', 'on and locked'][enabled] ?? 'on';
  const findings = [ok('audit', `kernel audit is ${state}, ${owner}`)];
  if (enabled === 2) {
    findings.push(
      note(
        'audit',
        'the rules of audit are locked until the next boot (auditctl -e 2), and the agent cannot add its own',
        'start the agent before the lock, or put its rules into /etc/audit/rules.d',
      ),
    );
  }
  if (!/(^|\s)audit=1(\s|$)/.test(kernelCommandLine)) {
    findings.push(
      note(
        'audit',
        'audit is not on from the boot on, so that programs started before it are not audited',
        'add "audit=1 audit_backlog_limit=8192" to the command line of the kernel',
      ),
    );
  }
  if (lost > 0 && backlogLimit < enoughBacklog) {
    findings.push(
      note(
        'audit',
        `audit has lost ${lost} records since boot, with a backlog limit of ${backlogLimit}`,
        `raise it: auditctl -b ${enoughBacklog}, and audit_backlog_limit=${enoughBacklog} on the command line of the kernel`,
      ),
    );
  }
  return findings;
}
