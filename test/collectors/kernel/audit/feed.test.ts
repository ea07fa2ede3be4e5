import { beforeEach, describe, expect, it } from 'vitest';
import type { LossCause } from '../../../../base/loss.js';
import { isUnavailable } from '../../../../base/unavailable.js';
import {
  noNote,
  type ChangeNote,
  type StatusChangeMap,
} from '../../../../collectors/kernel/audit/change-note.js';
import type { AuditEvent } from '../../../../collectors/kernel/audit/event.js';
import { AuditFeed } from '../../../../collectors/kernel/audit/feed.js';
import type { AuditRule, AuditSubscription } from '../../../../collectors/kernel/audit/source.js';
import { UnreadTime, type AuditPlace } from '../../../../collectors/kernel/audit/unread-time.js';
import type { SourceState } from '../../../../collectors/kernel/source-state.js';
import { FakeAudit } from '../../../support/fake-audit.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';

const ownPid = 4711;
const deadPid = 4000;
const started: AuditRule = { syscalls: ['execve', 'execveat'], outcome: 'success' };

class Reader {
  readonly events: AuditEvent[] = [];
  readonly losses: [LossCause, number][] = [];
  readonly states: SourceState[] = [];
  readonly failures: string[] = [];
  constructor(
    readonly rules: readonly AuditRule[] = [started],
    readonly name = 'test',
  ) {}
  readonly onEvent = (event: AuditEvent) => void this.events.push(event);
  readonly lose = (cause: LossCause, count: number) => void this.losses.push([cause, count]);
  readonly onState = (state: SourceState) => void this.states.push(state);
  readonly onFailed = (error: Error) => void this.failures.push(error.message);
}

describe('the audit feed', () => {
  let audit: FakeAudit;
  let clock: FakeClock;
  let logged: string[];
  let sentences: string[];
  let problems: string[];

  beforeEach(() => {
    audit = new FakeAudit();
    clock = new FakeClock();
    [logged, sentences, problems] = [[], [], []];
  });

  const feed = (
    options: {
      own?: 'auto' | 'never';
      machine?: string;
      kernelCommandLine?: string;
      last?: AuditPlace;
      note?: ChangeNote;
    } = {},
  ) =>
    new AuditFeed({
      clock,
      openStream: audit.openStream,
      openControl: audit.openControl,
      writeSystemLog: (line) => logged.push(line) > 0,
      unread: new UnreadTime(options.last, 'this-boot', () => 0),
      note: options.note ?? noNote,
      own: options.own ?? 'auto',
      ownPid,
      isAlive: (pid) => pid !== deadPid,
      machine: options.machine ?? 'x86_64',
      kernelCommandLine: options.kernelCommandLine ?? 'ro quiet',
      onTampering: (sentence) => sentences.push(sentence),
      onProblem: (sentence) => problems.push(sentence),
    });

  async function subscribe(subject: AuditFeed, reader: Reader): Promise<AuditSubscription> {
    const answer = subject.subscribe(reader);
    await clock.advance(50);
    const subscription = await answer;
    if (isUnavailable(subscription)) throw new Error(subscription.unavailable);
    return subscription;
  }

  async function refusalOf(subject: AuditFeed, reader: Reader): Promise<string> {
    const answer = subject.subscribe(reader);
    await clock.advance(3000);
    const refused = await answer;
    return isUnavailable(refused) ? refused.unavailable : '';
  }

  it('owns audit when nobody does, without ever making a system call wait', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    expect(audit.status).toMatchObject({
      ownerPid: ownPid,
      enabled: 1,
      backlogLimit: 8192,
      backlogWaitTime: 0,
    });
    expect(audit.rules).toHaveLength(2);
    expect(reader.states).toEqual([{ source: 'audit-owner' }]);
  });

  describe('with rules on paths', () => {
    const cron: AuditRule = { watch: '/etc/cron.d', tree: true };
    const keys: AuditRule = { watch: '/root/.ssh', tree: false };

    const watching = async (absent: readonly string[] = []) => {
      for (const path of absent) audit.absent.add(path);
      const unwatched: (readonly string[])[] = [];
      const reader = Object.assign(new Reader([cron, keys]), {
        onUnwatched: (paths: readonly string[]) => void unwatched.push(paths),
      });
      const subject = feed();
      const subscription = await subscribe(subject, reader);
      return { reader, unwatched, subject, subscription };
    };

    it('sets those it can, says which it cannot, and sets them when the path is there', async () => {
      const { reader, unwatched, subscription } = await watching(['/root/.ssh']);
      expect(audit.rules).toHaveLength(2);
      expect(unwatched.at(-1)).toEqual(['/root/.ssh']);
      audit.absent.clear();
      await clock.advance(30_000);
      expect(audit.rules).toHaveLength(3);
      expect(unwatched.at(-1)).toEqual([]);
      expect([reader.losses, sentences]).toEqual([[], []]);
      await subscription.end();
      expect(audit.rules).toEqual([]);
    });

    it('sets one again that went with what it watches, and blames nobody', async () => {
      const { reader, unwatched } = await watching();
      audit.removePath('/etc/cron.d');
      await clock.advance(300);
      expect(unwatched.at(-1)).toEqual(['/etc/cron.d']);
      audit.absent.clear();
      await clock.advance(30_000);
      expect(audit.rules).toHaveLength(3);
      expect([reader.losses, sentences]).toEqual([[], []]);
    });

    it('blames who deletes one', async () => {
      const { reader } = await watching();
      audit.deleteWatch('/etc/cron.d');
      await clock.advance(1000);
      expect(audit.rules).toHaveLength(3);
      expect(sentences).toEqual([expect.stringContaining('deleted by somebody else')]);
      expect(reader.losses).toEqual([['blindSeconds', 1]]);
    });
  });

  it('gives what waited in the socket to all who subscribe in the first moments, also when the first could not stay', async () => {
    const subject = feed();
    const first = new Reader();
    const subscription = await subscribe(subject, first);
    audit.records(
      [
        [1300, 'arch=c000003e syscall=59'],
        [1320, ''],
      ],
      7000,
    );
    await subscription.end();
    const second = new Reader([started], 'second');
    const again = new Reader();
    const later = new Reader([started], 'later');
    await clock.advance(20_000);
    await subscribe(subject, second);
    await subscribe(subject, again);
    await clock.advance(10_000);
    await subscribe(subject, later);
    const serials = (reader: Reader): number[] => reader.events.map(({ serial }) => serial);
    expect(serials(first)).toContain(7000);
    expect(serials(second)).toContain(7000);
    // The collector of that name has been told.
    expect(serials(again)).not.toContain(7000);
    expect(serials(later)).not.toContain(7000);
  });

  it('leaves everything as it was at the end of the last subscription', async () => {
    const before = { ...audit.status };
    const subject = feed();
    const first = await subscribe(subject, new Reader());
    const second = await subscribe(subject, new Reader());
    await first.end();
    expect(audit.status.enabled).toBe(1);
    await second.end();
    expect(audit.status).toEqual(before);
    expect(audit.rules).toEqual([]);
    expect(audit.streamsOpen).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('never lets a lost record stop the kernel while it owns audit', async () => {
    audit.status.failure = 2;
    const subscription = await subscribe(feed(), new Reader());
    expect(audit.status.failure).toBe(1);
    await subscription.end();
    expect(audit.status.failure).toBe(2);
  });

  it('only reads beside an owner, and does not switch audit off under it', async () => {
    Object.assign(audit.status, { ownerPid: 99, backlogWaitTime: 60000, backlogLimit: 64 });
    const reader = new Reader();
    const subscription = await subscribe(feed(), reader);
    expect(audit.status).toMatchObject({ ownerPid: 99, backlogWaitTime: 60000, enabled: 1 });
    expect(reader.states).toEqual([{ source: 'audit-multicast' }]);
    await subscription.end();
    expect(audit.status).toMatchObject({ ownerPid: 99, enabled: 1, backlogLimit: 8192 });
    expect(audit.rules).toEqual([]);
  });

  it('does not take back what somebody else has changed since', async () => {
    const subscription = await subscribe(feed(), new Reader());
    audit.status.backlogLimit = 12000;
    await subscription.end();
    expect(audit.status.backlogLimit).toBe(12000);
  });

  it('says what audit cannot record on a kernel that runs x32 programs', async () => {
    const [deaf, sound] = [new Reader(), new Reader()];
    const first = await subscribe(feed({ kernelCommandLine: 'ro syscall.x32=y quiet' }), deaf);
    expect(deaf.states.at(-1)?.limitation).toMatch(/x32 programs/);
    await first.end();
    await subscribe(feed(), sound);
    expect(sound.states.at(-1)?.limitation).toBeUndefined();
  });

  it('owns nothing when told so, and says what that costs', async () => {
    const reader = new Reader();
    await subscribe(feed({ own: 'never' }), reader);
    expect(audit.status.ownerPid).toBe(0);
    expect(reader.states.at(-1)?.limitation).toMatch(/kernel also prints every record/);
  });

  it('yields to an auditd at once and does not claim again for ten minutes', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    audit.claimByOther();
    await clock.advance(300);
    expect(audit.status).toMatchObject({ ownerPid: 0, backlogWaitTime: 15000 });
    expect(reader.states.at(-1)?.source).toBe('audit-multicast');
    await clock.advance(590_000);
    expect(audit.status.ownerPid).toBe(0);
    await clock.advance(60_000);
    expect(audit.status.ownerPid).toBe(ownPid);
    expect(reader.states.at(-1)).toEqual({ source: 'audit-owner' });
  });

  it('leaves the place of an auditd that restarts free for ten minutes', async () => {
    audit.status.ownerPid = 99;
    await subscribe(feed(), new Reader());
    await clock.advance(100_000);
    audit.status.ownerPid = 0;
    audit.record(1305, 'op=set audit_pid=0 old=99 auid=0 ses=1 res=1');
    await clock.advance(560_000);
    expect(audit.status.ownerPid).toBe(0);
    await clock.advance(70_000);
    expect(audit.status.ownerPid).toBe(ownPid);
  });

  it('takes the place of an owner that was killed', async () => {
    Object.assign(audit.status, { ownerPid: deadPid, enabled: 1 });
    await subscribe(feed(), new Reader());
    expect(audit.status.ownerPid).toBe(ownPid);
  });

  it('removes the rules that a killed predecessor left', async () => {
    const other = await subscribe(feed(), new Reader());
    const left = audit.rules;
    await other.end();
    const stale = left.map((rule) => Buffer.from(rule));
    for (const rule of stale) rule.writeUInt32LE(deadPid, 524 + 8);
    audit.rules = stale;
    await subscribe(feed(), new Reader());
    expect(audit.rules).toEqual(left);
  });

  it('takes back what a killed predecessor changed when audit is not needed any more', async () => {
    let kept: StatusChangeMap = new Map();
    const note: ChangeNote = {
      read: () => kept,
      write: (changes) => (kept = new Map(changes)),
    };
    const { status } = audit;
    const asAtFirst = { ...status };
    await subscribe(feed({ note }), new Reader());
    status.ownerPid = deadPid;
    await feed({ note: noNote }).tidy();
    expect(status.enabled).toBe(1);
    await feed({ note }).tidy();
    expect(status).toEqual(asAtFirst);
    expect(audit.rules).toEqual([]);
    expect(kept.size).toBe(0);
  });

  it('tidying up disturbs nobody who has subscribed', async () => {
    const note: ChangeNote = {
      read: () => new Map([['enabled', { before: 0, ours: 1 }]]),
      write: () => undefined,
    };
    const subject = feed({ note });
    await subscribe(subject, new Reader());
    await subject.tidy();
    expect(audit.status.enabled).toBe(1);
    expect(audit.rules).toHaveLength(2);
  });

  it('sets deleted rules again within a second, counts the blind time and says so', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    audit.deleteAllRules();
    await clock.advance(1000);
    expect(audit.rules).toHaveLength(2);
    expect(reader.losses).toEqual([['blindSeconds', 1]]);
    expect(sentences).toEqual([expect.stringMatching(/rules .* deleted by somebody else/)]);
  });

  it('switches audit on again, noticed at the next look when the kernel did not tell', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    await clock.advance(5000);
    audit.status.enabled = 0;
    await clock.advance(26_000);
    expect(audit.status.enabled).toBe(1);
    expect(reader.losses).toEqual([['blindSeconds', 30]]);
    expect(sentences).toEqual([expect.stringMatching(/switched off by somebody else/)]);
  });

  it.each([0, 1])(
    'in the end audit is as at first (%i), also when it was switched off between',
    async (enabled) => {
      audit.status.enabled = enabled;
      const subscription = await subscribe(feed(), new Reader());
      audit.switchOff();
      await clock.advance(1000);
      expect(audit.status.enabled).toBe(1);
      await subscription.end();
      expect(audit.status.enabled).toBe(enabled);
    },
  );

  it('counts on while it cannot set things right, and says why', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    audit.refuse = 1;
    audit.switchOff();
    await clock.advance(90_500);
    const blind = reader.losses.filter(([cause]) => cause === 'blindSeconds');
    expect(blind.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThanOrEqual(90);
    expect(reader.states.at(-1)?.limitation).toMatch(/CAP_AUDIT_CONTROL/);
    audit.refuse = undefined;
    await clock.advance(30_000);
    expect(audit.status.enabled).toBe(1);
    expect(reader.states.at(-1)).toEqual({ source: 'audit-owner' });
  });

  it('whoever deletes rules ten times a second makes it blind for no more seconds than pass', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    for (let round = 0; round < 100; round++) {
      audit.deleteAllRules();
      await clock.advance(100);
    }
    await clock.advance(1000);
    expect(audit.rules).toHaveLength(2);
    const seconds = reader.losses.map(([, count]) => count).reduce((a, b) => a + b, 0);
    expect(seconds).toBeLessThanOrEqual(10);
    expect(seconds).toBeGreaterThanOrEqual(4);
    expect(sentences).toHaveLength(1);
  });

  it('takes everything back also where the kernel is late with its answers, and says what it could not', async () => {
    const before = { ...audit.status };
    for (const [unanswered, after, said] of [
      [2, before, 0],
      [3, expect.objectContaining({ enabled: 1 }), 1],
    ] as const) {
      const subscription = await subscribe(feed(), new Reader());
      audit.unanswered = unanswered;
      problems = [];
      await subscription.end();
      expect([audit.status, problems.length]).toEqual([after, said]);
    }
  });

  it('sets no rule for the last of subscribers that end together', async () => {
    const subject = feed();
    const active = [
      await subscribe(subject, new Reader([started], 'first')),
      await subscribe(subject, new Reader([], 'second')),
      await subscribe(subject, new Reader([{ ...started, syscalls: ['connect'] }], 'third')),
    ];
    audit.deleteAllRules();
    const before = audit.requests.length;
    await Promise.all(active.map((subscription) => subscription.end()));
    expect(audit.requests.slice(before)).not.toContain('add');
    expect(audit.status.enabled).toBe(0);
    expect(audit.rules).toEqual([]);
  });

  it('sets the rules of one who accompanies beside those of others only, and opens nothing for it', async () => {
    const subject = feed();
    const before = { ...audit.status };
    const signals: AuditRule = { syscalls: ['kill'], outcome: 'success' };
    const companion = Object.assign(new Reader([signals]), { accompanies: true as const });
    const beside = await subscribe(subject, companion);
    expect([audit.rules.length, audit.status]).toEqual([0, before]);
    for (let round = 0; round < 2; round++) {
      const subscription = await subscribe(subject, new Reader());
      expect(audit.rules).toHaveLength(4);
      expect(companion.states.at(-1)).toEqual({ source: 'audit-owner' });
      await subscription.end();
      expect([audit.rules.length, audit.status]).toEqual([0, before]);
    }
    const subscription = await subscribe(subject, new Reader());
    await beside.end();
    expect(audit.rules).toHaveLength(2);
    await subscription.end();
    expect(audit.status).toEqual(before);
    expect(companion.failures).toEqual([]);
  });

  it('tells one who subscribes twice of a loss once', async () => {
    const subject = feed();
    const [one, same, other] = [new Reader(), new Reader(), new Reader()];
    await subscribe(subject, one);
    await subscribe(subject, Object.assign(same, { lose: one.lose }));
    await subscribe(subject, other);
    audit.overflow();
    expect([one.losses, same.losses, other.losses]).toEqual([
      [['socketOverflow', 1]],
      [],
      [['socketOverflow', 1]],
    ]);
  });

  it('counts from the moment of the change, also where its announcement was read late', async () => {
    audit = new FakeAudit(100, () => clock.wallMs() - 4500);
    const reader = new Reader();
    await subscribe(feed(), reader);
    await clock.advance(10_000);
    audit.deleteAllRules();
    await clock.advance(1000);
    expect(reader.losses).toEqual([['blindSeconds', 5]]);
  });

  it('whoever deletes rules in a loop is reported once a minute', async () => {
    await subscribe(feed(), new Reader());
    for (let round = 0; round < 50; round++) {
      audit.deleteAllRules();
      await clock.advance(1000);
      expect(audit.rules).toHaveLength(2);
    }
    expect(sentences).toHaveLength(1);
    await clock.advance(20_000);
    audit.deleteAllRules();
    await clock.advance(1000);
    expect(sentences[1]).toMatch(/49 more times/);
  });

  it('counts what the kernel lost, also after somebody reset the counter', async () => {
    audit.status.lost = 7;
    const reader = new Reader();
    await subscribe(feed(), reader);
    audit.status.lost = 10;
    await clock.advance(31_000);
    audit.status.lost = 2;
    await clock.advance(31_000);
    expect(reader.losses).toEqual([
      ['kernelLost', 3],
      ['kernelLost', 2],
    ]);
  });

  it('counts an event of which the record of the call was lost, once', async () => {
    const subject = feed();
    const reader = new Reader();
    await subscribe(subject, reader);
    audit.records([
      [1309, 'argc=1 a0="true"'],
      [1307, 'cwd="/"'],
      [1320, ''],
    ]);
    audit.records([
      [1300, 'arch=c000003e syscall=59 success=yes pid=5'],
      [1309, 'argc=1 a0="true"'],
      [1320, ''],
    ]);
    expect(reader.losses).toEqual([['recordsMissing', 1]]);
  });

  it('counts a call of an ABI whose numbers it does not know', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    audit.records([
      [1300, 'arch=8000002b syscall=98 success=yes exit=0 a0=3 pid=5'],
      [1306, 'saddr=00020050C0000209'],
      [1320, ''],
    ]);
    audit.records([
      [1300, 'arch=c00000f3 syscall=203 success=yes exit=0 a0=3 pid=5'],
      [1306, 'saddr=02000050C0000209'],
      [1320, ''],
    ]);
    expect(reader.losses).toEqual([['unknownAbi', 1]]);
  });

  it('gives nothing up that waits to be read, however long the agent was kept from running', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    audit.records([[1300, 'success=yes pid=5']], 900);
    audit.records([[1112, 'pid=1']], 1000);
    audit.queued.push(
      () => audit.records([[1309, 'argc=1 a0="x"']], 900),
      () => audit.records([[1320, '']], 900),
    );
    await clock.advance(60_000);
    const event = reader.events.find(({ serial }) => serial === 900);
    expect(event).toMatchObject({ complete: true, records: [{ type: 1300 }, { type: 1309 }] });
  });

  it('at its end counts the serials that have not come', async () => {
    const subject = feed();
    const reader = new Reader();
    const subscription = await subscribe(subject, reader);
    audit.record(1112, 'pid=1');
    audit.records([[1112, 'pid=1']], 500);
    await subscription.end();
    expect(reader.losses.map(([cause]) => cause)).toEqual(['serialGap']);
  });

  it('tells every loss of the stream to every subscriber', async () => {
    const subject = feed();
    const readers = [new Reader(), new Reader([])];
    for (const reader of readers) await subscribe(subject, reader);
    audit.overflow();
    audit.record(1112, 'pid=1');
    audit.records([[1112, 'pid=1']], 500);
    await clock.advance(3000);
    for (const { losses } of readers) {
      expect(losses[0]).toEqual(['socketOverflow', 1]);
      expect(losses[1]?.[0]).toBe('serialGap');
    }
  });

  it('a record that cannot be read costs that record only', async () => {
    const reader = new Reader();
    const subscription = await subscribe(feed(), reader);
    audit.record(1112, 'first');
    audit.text(1300, 'audit(garbage');
    audit.record(1112, 'second');
    await subscription.end();
    const bodies = reader.events.flatMap(({ records }) => records).map(({ body }) => body);
    expect(bodies.filter((body) => !body.includes('op='))).toEqual(['first', 'second']);
    expect(reader.losses).toEqual([['unparsed', 1]]);
  });

  it('what was read before the end is still delivered', async () => {
    const reader = new Reader();
    const subscription = await subscribe(feed(), reader);
    audit.record(1300, 'success=yes pid=5');
    await subscription.end();
    expect(reader.events.at(-1)).toMatchObject({ complete: false, records: [{ type: 1300 }] });
  });

  it('re-emits the records of others while it owns audit, and none of its own', async () => {
    await subscribe(feed(), new Reader());
    audit.records([
      [1300, `success=yes pid=5 key="iot-security-agent"`],
      [1309, 'argc=1 a0="ls"'],
      [1320, ''],
    ]);
    audit.records([
      [1400, 'apparmor="DENIED" operation="open"'],
      [1300, 'success=no pid=6 key=(null)'],
      [1320, ''],
    ]);
    audit.records([
      [1326, 'auid=0 sig=31'],
      [1300, 'success=yes pid=7 key="iot-security-agent"'],
      [1320, ''],
    ]);
    await clock.advance(3000);
    const kinds = logged.map((line) => /type=(\d+)/.exec(line)?.[1]);
    expect(kinds).toEqual(['1400', '1300', '1326']);
    expect(logged[0]).toMatch(/^audit: type=1400 audit\(1700000000\.000:\d+\): apparmor="DENIED"/);
  });

  it('writes no command line into the log of the system when the record that tells whose it is was lost', async () => {
    await subscribe(feed(), new Reader());
    audit.records([
      [1309, 'argc=2 a0="login" a1="--password=secret"'],
      [1307, 'cwd="/root"'],
      [1327, 'proctitle="login"'],
    ]);
    audit.records([
      [1400, 'apparmor="DENIED" operation="exec"'],
      [1309, 'argc=2 a0="login" a1="--password=secret"'],
      [1327, 'proctitle="login"'],
    ]);
    await clock.advance(3000);
    expect(logged.map((line) => /type=(\d+)/.exec(line)?.[1])).toEqual(['1400']);
  });

  it('re-emits nothing while somebody else owns audit', async () => {
    audit.status.ownerPid = 99;
    await subscribe(feed(), new Reader());
    audit.record(1112, 'pid=1');
    await settle();
    expect(logged).toEqual([]);
  });

  it('re-emits at most a burst at once, and counts the rest', async () => {
    const reader = new Reader();
    await subscribe(feed(), reader);
    for (let count = 0; count < 300; count++) audit.record(1112, 'pid=1');
    expect(logged).toHaveLength(200);
    expect(reader.losses).toHaveLength(100);
    expect(reader.losses[0]).toEqual(['foreignAuditRecords', 1]);
    await clock.advance(1000);
    for (let count = 0; count < 30; count++) audit.record(1112, 'pid=1');
    expect(logged).toHaveLength(220);
  });

  it('says that rights are missing, and leaves nothing changed', async () => {
    audit.refuse = 1;
    const before = { ...audit.status };
    expect(await refusalOf(feed(), new Reader())).toMatch(/EPERM.*CAP_AUDIT_CONTROL/);
    expect(audit.status).toEqual(before);
    expect(audit.streamsOpen).toBe(0);
    expect(clock.timers).toBe(0);
  });

  it('says that the stream is silent outside the network namespace of the host', async () => {
    audit.audible = false;
    expect(await refusalOf(feed(), new Reader())).toMatch(/network namespace/);
    expect(audit.rules).toEqual([]);
    expect(audit.status.ownerPid).toBe(0);
  });

  it('says that it does not know the machine', async () => {
    expect(await refusalOf(feed({ machine: 'riscv64' }), new Reader())).toMatch(/riscv64/);
  });

  it('says that locked rules record no programs, and uses those that do', async () => {
    audit.status.enabled = 2;
    expect(await refusalOf(feed(), new Reader())).toMatch(/locked until the next boot/);

    audit.status.enabled = 1;
    const other = await subscribe(feed(), new Reader());
    const [rule] = audit.rules;
    await other.end();
    const theirs = Buffer.from(rule ?? []);
    theirs.writeUInt32LE(1, 524 + 8);
    audit.rules = [theirs];
    audit.status.enabled = 2;
    const reader = new Reader();
    await subscribe(feed(), reader);
    expect(reader.states.at(-1)?.limitation).toMatch(/locked/);
  });

  it('does not own audit that is locked, where it could not keep system calls from waiting', async () => {
    const locked = await subscribe(feed(), new Reader());
    const rules = [...audit.rules];
    await locked.end();
    audit.rules = rules;
    audit.status.enabled = 2;
    const reader = new Reader();
    await subscribe(feed(), reader);
    const requests = audit.requests.length;
    await clock.advance(61_000);
    expect(audit.requests.slice(requests)).toEqual([]);
    expect(reader.states.at(-1)).toMatchObject({ source: 'audit-multicast' });
    expect(reader.states.at(-1)?.limitation).not.toMatch(/CAP_AUDIT_CONTROL/);
  });

  it('says once what stays when audit was locked while it ran, and gives audit up all the same', async () => {
    const active = await subscribe(feed(), new Reader());
    audit.status.enabled = 2;
    await active.end();
    expect(problems).toEqual([expect.stringMatching(/locked.*stay until the next boot/)]);
    expect(audit.rules).not.toEqual([]);
    expect(audit.status.ownerPid).toBe(0);
  });

  it('a stream that broke ends the subscriptions, and a new one works', async () => {
    const reader = new Reader();
    const subject = feed();
    await subscribe(subject, reader);
    audit.breakStream('the far end hung up');
    await clock.advance(10);
    expect(reader.failures).toEqual(['the far end hung up']);
    expect(audit.status.enabled).toBe(0);
    await subscribe(subject, new Reader());
    expect(audit.status.enabled).toBe(1);
  });
});
