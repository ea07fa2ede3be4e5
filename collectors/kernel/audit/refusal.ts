import { constants } from 'node:os';
import { NetlinkError } from '../netlink.js';

/** The rules that are needed are not among those that nobody can change any more. */
export class LockedError extends Error {
  constructor() {
    super(
      'The audit rules are locked until the next boot (auditctl -e 2) and record no started programs; add the rules of this agent before the lock in /etc/audit/rules.d, or reboot without it.',
    );
  }
}

/** Why a request to the kernel's audit was not carried out, with what an operator can do about it. */
export function explainRefusal(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const refused =
    error instanceof NetlinkError &&
    (error.errno === constants.errno.EPERM || error.errno === constants.errno.EACCES);
  return refused
    ? `${error.message} Give the agent CAP_AUDIT_CONTROL and run it outside of pid and user namespaces.`
    : error.message;
}
