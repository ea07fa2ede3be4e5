import { constants } from 'node:os';
import { systemClock } from '../../../base/clock.js';
import { reasonOf } from '../../../base/errors.js';
import { isUnavailable } from '../../../base/unavailable.js';
import { openAuditControl } from '../../../collectors/kernel/audit/control.js';
import { placedFirst } from '../../../collectors/kernel/audit/rules.js';
import { loadLibc } from '../../../collectors/kernel/libc.js';
import { NetlinkError } from '../../../collectors/kernel/netlink.js';
import { KernelReader } from '../../../collectors/kernel/reader.js';
import { type Host, StepError } from './host.js';

type Rules = Pick<Host, 'auditRules' | 'deleteAuditRule' | 'addAuditRule'>;

/** `enabled` of audit when it takes no changes before the next boot (`auditctl -e 2`). */
const locked = 2;

/** The rules of the kernel. */
export async function openAuditRules(): Promise<Rules & { close(): Promise<void> }> {
  const libc = await loadLibc();
  if (isUnavailable(libc)) return noRules;
  const reader = new KernelReader(libc, systemClock);
  reader.start();
  const control = openAuditControl({
    libc,
    reader,
    clock: systemClock,
    onReplace: () => undefined,
  });
  if (isUnavailable(control)) {
    await reader.stop();
    return noRules;
  }
  const attempt = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw new StepError(`${what}: ${reasonOf(error)}`);
    }
  };
  return {
    auditRules: () =>
      attempt('The audit rules could not be read', async () => {
        try {
          if ((await control.status()).enabled === locked)
            return { unavailable: 'audit is locked until the next boot' };
          return (await control.rules()).map(({ bytes }) => bytes);
        } catch (error) {
          if (!(error instanceof NetlinkError)) throw error;
          if (withoutAudit.includes(error.errno)) return [];
          // Also root is refused from within a namespace of processes (`audit_netlink_ok`, kernel/audit.c).
          if (error.errno === EPERM)
            return { unavailable: 'the kernel lets nobody change audit from here' };
          throw error;
        }
      }),
    deleteAuditRule: (rule) =>
      attempt('An audit rule could not be taken back', () => control.deleteRule(rule)),
    addAuditRule: (rule, first) =>
      attempt('An audit rule could not be set again', () =>
        control.addRule(first ? placedFirst(rule) : rule),
      ),
    async close() {
      control.close();
      await reader.stop();
    },
  };
}

const { ECONNREFUSED, EPERM, EPROTONOSUPPORT } = constants.errno;
const withoutAudit: readonly number[] = [ECONNREFUSED, EPROTONOSUPPORT];

const noRules = {
  auditRules: () => Promise.resolve([]),
  deleteAuditRule: () => Promise.resolve(),
  addAuditRule: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
