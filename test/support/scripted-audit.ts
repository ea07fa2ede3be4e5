import { noNote } from '../../collectors/kernel/audit/change-note.js';
import { AuditFeed } from '../../collectors/kernel/audit/feed.js';
import type { AuditOptions } from '../../collectors/kernel/audit/open.js';
import { FakeAudit } from './fake-audit.js';

/*
 * Stands in for the kernel's audit in an agent that is killed: nothing of the machine is touched and no right is needed.
 * AUDIT_SERIAL is the serial that the kernel has reached when the agent starts. A program starts ten times a second.
 */

const tickMs = 100;

export function createAuditFeed(options: AuditOptions): AuditFeed {
  const audit = new FakeAudit(Number(process.env['AUDIT_SERIAL']), () => options.clock.wallMs());
  let pid = 4_194_304;
  setInterval(() => {
    pid++;
    audit.records([
      [
        1300,
        `arch=c000003e syscall=59 success=yes exit=0 ppid=1 pid=${pid} auid=4294967295 uid=0 gid=0 euid=0 ses=4294967295 comm="x" exe="/bin/x" key="iot-security-agent"`,
      ],
      [1309, `argc=2 a0="/bin/x" a1="${pid}"`],
      [1320, ''],
    ]);
  }, tickMs);
  return new AuditFeed({
    ...options,
    note: noNote,
    machine: 'x86_64',
    kernelCommandLine: 'ro quiet',
    isAlive: () => false,
    openStream: audit.openStream,
    openControl: audit.openControl,
    writeSystemLog: () => true,
  });
}
