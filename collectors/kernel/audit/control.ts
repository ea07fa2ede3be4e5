import { constants } from 'node:os';
import type { Clock } from '../../../base/clock.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import type { Libc } from '../libc.js';
import type { NetlinkMessage } from '../netlink.js';
import { NetlinkError, NetlinkRequests, netlinkProtocols, netlinkTypes } from '../netlink.js';
import type { KernelReader } from '../reader.js';
import { auditTypes } from './event.js';
import type { ListedRule } from './rules.js';
import { decodeRule } from './rules.js';
import type { AuditStatus, SettableStatus } from './status.js';
import { buildStatus, parseStatus } from './status.js';

/** The requests that the kernel's audit takes; every one may reject with a NetlinkError or NetlinkTimeout. */
export interface AuditControl {
  status(): Promise<AuditStatus>;
  set(name: SettableStatus, value: number): Promise<void>;
  rules(): Promise<readonly ListedRule[]>;
  /** Adding a rule that is there, or deleting one that is not, succeeds. */
  addRule(rule: Buffer): Promise<void>;
  deleteRule(rule: Buffer): Promise<void>;
  close(): void;
}

interface AuditControlOptions {
  readonly libc: Libc;
  readonly reader: KernelReader;
  readonly clock: Clock;
  /** Somebody else has just tried to own audit, and was turned away because we do. */
  readonly onReplace: () => void;
}

/** Opens a socket of its own for requests to audit, or says why there is none. */
export function openAuditControl(options: AuditControlOptions): AuditControl | Unavailable {
  const requests = NetlinkRequests.open({
    ...options,
    protocol: netlinkProtocols.audit,
    onOther: ({ type }: NetlinkMessage) => {
      if (type === auditTypes.replace) options.onReplace();
    },
  });
  if (isUnavailable(requests)) return requests;
  // Without the filter the copies for the owner are only read and thrown away, which costs time but no event.
  options.libc.attachFilter(requests.fd, answersOnly());
  return {
    async status() {
      const attempt = 'Reading the audit status';
      const answers = await requests.request(attempt, auditTypes.get, Buffer.alloc(0), 'answered');
      const status = answers[0] && parseStatus(answers[0]);
      if (status === undefined) throw new NetlinkError(attempt, constants.errno.EBADMSG);
      return status;
    },
    async set(name, value) {
      const attempt = `Setting the audit status (${name} to ${value})`;
      await requests.request(attempt, auditTypes.set, buildStatus(name, value), 'acknowledged');
    },
    async rules() {
      const attempt = 'Listing the audit rules';
      const nothing = Buffer.alloc(0);
      const answers = await requests.request(attempt, auditTypes.listRules, nothing, 'listed');
      return answers.map(decodeRule).filter((rule) => rule !== undefined);
    },
    async addRule(rule) {
      const request = requests.request(
        'Adding an audit rule',
        auditTypes.addRule,
        rule,
        'acknowledged',
      );
      await unless(constants.errno.EEXIST, request);
    },
    async deleteRule(rule) {
      const request = requests.request(
        'Deleting an audit rule',
        auditTypes.deleteRule,
        rule,
        'acknowledged',
      );
      await unless(constants.errno.ENOENT, request);
    },
    close: () => requests.close(),
  };
}

async function unless(errno: number, request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof NetlinkError && error.errno === errno)) throw error;
  }
}

/**
 * A socket filter that lets only the answers to requests and AUDIT_REPLACE through. Whoever owns audit is sent every
 * record once more, beside the multicast copy that is read anyway: the filter drops those before they cost anything.
 */
function answersOnly(): Buffer {
  const wanted = [
    netlinkTypes.error,
    netlinkTypes.done,
    auditTypes.get,
    auditTypes.listRules,
    auditTypes.replace,
  ];
  const loadHalf = 0x28;
  const jumpIfEqual = 0x15;
  const answer = 0x06;
  const typeAt = 4;
  const instructions = [
    { code: loadHalf, ifTrue: 0, ifFalse: 0, value: typeAt },
    // BPF reads in network byte order, the header is in that of the machine.
    ...wanted.map((type, index) => ({
      code: jumpIfEqual,
      ifTrue: wanted.length - index,
      ifFalse: 0,
      value: ((type & 0xff) << 8) | (type >>> 8),
    })),
    { code: answer, ifTrue: 0, ifFalse: 0, value: 0 },
    { code: answer, ifTrue: 0, ifFalse: 0, value: 0xffff_ffff },
  ];
  const program = Buffer.alloc(instructions.length * 8);
  instructions.forEach(({ code, ifTrue, ifFalse, value }, index) => {
    program.writeUInt16LE(code, index * 8);
    program.writeUInt8(ifTrue, index * 8 + 2);
    program.writeUInt8(ifFalse, index * 8 + 3);
    program.writeUInt32LE(value, index * 8 + 4);
  });
  return program;
}
