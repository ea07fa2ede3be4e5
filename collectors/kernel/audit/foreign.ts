import type { Clock } from '../../../base/clock.js';
import type { AuditEvent, AuditRecord } from './event.js';
import { auditTypes, isPartOfCall } from './event.js';
import { decimal, fieldsOfCall, untrustedText } from './record.js';
import { ruleKey } from './rules.js';

/** Writes one line to the log of the system; false when it could not. */
export type WriteSystemLog = (line: string) => boolean;

/**
 * While the agent owns audit, the kernel no longer prints the records that others count on, denials of AppArmor,
 * SELinux and seccomp above all. So those that our own rules and requests did not cause are written to the system's
 * log in the kernel's words. At most `burst` at once and `perSecond` on average; the rest is counted.
 */
export class ForeignRecords {
  private allowance = burst;
  private refilledMs: number;

  constructor(
    private readonly clock: Clock,
    private readonly ownPid: number,
    private readonly write: WriteSystemLog,
    private readonly onDropped: (count: number) => void,
  ) {
    this.refilledMs = clock.monotonicMs();
  }

  take(event: AuditEvent): void {
    const foreign = this.foreignRecords(event.records);
    if (foreign.length === 0) return;
    const nowMs = this.clock.monotonicMs();
    this.allowance = Math.min(
      burst,
      this.allowance + ((nowMs - this.refilledMs) / 1000) * perSecond,
    );
    this.refilledMs = nowMs;
    let dropped = 0;
    for (const { type, id, body } of foreign) {
      const allowed = this.allowance >= 1;
      if (allowed) this.allowance--;
      if (!allowed || !this.write(`audit: type=${type} audit(${id}): ${body}`)) dropped++;
    }
    if (dropped > 0) this.onDropped(dropped);
  }

  private foreignRecords(records: readonly AuditRecord[]): readonly AuditRecord[] {
    const call = records.find(({ type }) => type === auditTypes.syscall);
    const fields = call && fieldsOfCall(call);
    const ours =
      untrustedText(fields?.get('key')) === ruleKey ||
      decimal(fields?.get('pid')) === this.ownPid ||
      // The announcements of our rules come without the request that caused them.
      records.some(
        ({ type, body }) =>
          type === auditTypes.configChange &&
          (body.includes(`key="${ruleKey}"`) || body.includes(`audit_pid=${this.ownPid} `)),
      );
    if (ours) return records.filter(({ type }) => isVerdict(type));
    // Without the record of the call it is not known whose they are, and command lines of ours must not be logged.
    return call === undefined ? records.filter((record) => !isPartOfCall(record)) : records;
  }
}

/** Verdicts of security modules and of seccomp concern others, also in an event of ours. */
function isVerdict(type: number): boolean {
  return (
    type === auditTypes.seccomp ||
    (type >= auditTypes.firstSecurityModule && type <= auditTypes.lastSecurityModule)
  );
}

const burst = 200;
const perSecond = 20;
