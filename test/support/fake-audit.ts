import { constants } from 'node:os';
import type { AuditControl } from '../../collectors/kernel/audit/control.js';
import { decodeRule, ruleKey } from '../../collectors/kernel/audit/rules.js';
import type { AuditStatus } from '../../collectors/kernel/audit/status.js';
import type { AuditStreamEvents, OpenAuditStream } from '../../collectors/kernel/audit/stream.js';
import { NetlinkError, NetlinkTimeout } from '../../collectors/kernel/netlink.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** The kernel's audit as far as the agent sees it: status, rules, and records for who listens. */
export class FakeAudit {
  readonly status: Writable<AuditStatus> = {
    enabled: 0,
    failure: 1,
    ownerPid: 0,
    backlogLimit: 64,
    lost: 0,
    backlogWaitTime: 15000,
  };
  rules: Buffer[] = [];
  /** Requests so far, for example `enabled=1`. */
  readonly requests: string[] = [];
  /** Set to make every request that changes something fail with this errno. */
  refuse: number | undefined;
  /** False when the stream is that of another network namespace. */
  audible = true;
  /** Records that wait in the socket: they are delivered when it is read. */
  readonly queued: (() => void)[] = [];
  /** Paths that are not there, so that no rule can watch them. */
  readonly absent = new Set<string>();
  streamsOpen = 0;
  /** The owner whose place cannot be taken. */
  readonly liveOwner = 99;
  private listener: AuditStreamEvents | undefined;
  private replace: () => void = () => undefined;

  /** @param serial of the last record before the next @param timeMs when a record is made, ms since the epoch */
  constructor(
    private serial = 100,
    private readonly timeMs = () => 1_700_000_000_000,
  ) {}

  readonly openStream: OpenAuditStream = (events) => {
    this.listener = events;
    this.streamsOpen++;
    return {
      read: () => this.unread(),
      close: () => {
        this.listener = undefined;
        this.streamsOpen--;
      },
    };
  };

  /** So many requests are not answered in time, because the kernel is busy with those of others. */
  unanswered = 0;
  private answers(): boolean {
    return this.unanswered-- <= 0;
  }

  readonly openControl = (onReplace: () => void): AuditControl => {
    this.replace = onReplace;
    return {
      status: () =>
        this.answers()
          ? Promise.resolve({ ...this.status })
          : Promise.reject(new NetlinkTimeout('Reading the audit status', true)),
      set: (name, value) =>
        this.change(`${name}=${value}`, () => {
          if (this.status.enabled === 2 && name !== 'ownerPid')
            throw refusal(constants.errno.EPERM);
          if (name === 'ownerPid' && value !== 0 && this.status.ownerPid === this.liveOwner) {
            throw refusal(constants.errno.EEXIST);
          }
          this.status[name] = value;
        }),
      rules: () => Promise.resolve(this.rules.map(decodeRule).filter((rule) => rule !== undefined)),
      addRule: (rule) =>
        this.change('add', () => {
          if (this.status.enabled === 2) throw refusal(constants.errno.EPERM);
          if (this.absent.has(decodeRule(rule)?.path ?? '')) throw refusal(constants.errno.ENOENT);
          this.rules.push(rule);
          this.announce(`op=add_rule key="${ruleKey}" list=4 res=1`);
        }),
      deleteRule: (rule) =>
        this.change('delete', () => {
          this.rules = this.rules.filter((other) => !other.equals(rule));
        }),
      close: () => undefined,
    };
  };

  /** One record with a serial of its own. */
  record(type: number, body: string): void {
    this.records([[type, body]]);
  }

  /** One event of several records. */
  records(parts: readonly (readonly [number, string])[], serial = this.serial + 1): void {
    this.serial = Math.max(this.serial, serial);
    const time = (this.timeMs() / 1000).toFixed(3);
    for (const [type, body] of parts) {
      this.listener?.onRecord(type, `audit(${time}:${serial}): ${body}`);
    }
  }

  /** Whatever text, as it would come from the socket. */
  text(type: number, text: string): void {
    this.listener?.onRecord(type, text);
  }

  overflow(): void {
    this.listener?.onOverflow();
  }

  breakStream(reason: string): void {
    this.listener?.onFailed(reason);
  }

  /** `auditctl -D` of somebody else. */
  deleteAllRules(): void {
    this.rules = [];
    this.announce('op=remove_rule key=(null) list=4 res=1');
  }

  /** A watched directory was removed, and the kernel forgot the rules on it. */
  removePath(path: string): void {
    this.absent.add(path);
    this.rules = this.rules.filter((rule) => decodeRule(rule)?.path !== path);
    this.announce(`op=remove_rule dir="${path}" key="${ruleKey}" list=4 res=1`);
  }

  /** `auditctl -W` of somebody else. */
  deleteWatch(path: string): void {
    this.rules = this.rules.filter((rule) => decodeRule(rule)?.path !== path);
    this.announce(`auid=0 ses=1 op=remove_rule key="${ruleKey}" list=4 res=1`);
  }

  /** `auditctl -e 0` of somebody else. */
  switchOff(): void {
    this.announce('op=set audit_enabled=0 old=1 auid=0 ses=1 res=1');
    this.status.enabled = 0;
  }

  /** An auditd starts and is turned away. */
  claimByOther(): void {
    this.replace();
  }

  private unread(): 'drained' | 'more' {
    for (const deliver of this.queued.splice(0)) deliver();
    return 'drained';
  }

  private announce(body: string): void {
    if (this.status.enabled !== 0 && this.audible) this.record(1305, body);
  }

  private change(request: string, apply: () => void): Promise<void> {
    this.requests.push(request);
    return new Promise((resolve) => {
      if (this.refuse !== undefined) throw refusal(this.refuse);
      apply();
      resolve();
    });
  }
}

function refusal(errno: number): NetlinkError {
  return new NetlinkError('The request', errno);
}
