import { describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../../collectors/interface/host.js';
import { loginRecordTypes } from '../../../collectors/kernel/audit/login-records.js';
import type { AuditSubscriber } from '../../../collectors/kernel/audit/source.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { login } from '../../../collectors/login/index.js';
import type { Payload } from '../../../contract/events.js';
import { caseSettings, fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

const setUp = async (parts: Partial<Host>) => {
  const clock = new FakeClock();
  const told: Payload<'Login'>[] = [];
  const states: SourceState[] = [];
  const failures: string[] = [];
  const running = await login.start({
    host: fakeHost({ clock, ...parts }),
    clock,
    emit: ({ payload }) => told.push(payload),
    lose: () => undefined,
    setSource: (state) => states.push(state),
    fail: (error) => failures.push(error.message),
  });
  return { clock, told, states, failures, running };
};

/** An audit source that keeps its subscriber. */
const auditSource = () => {
  const subscribers: AuditSubscriber[] = [];
  return {
    subscribers,
    audit: {
      subscribe: (subscriber: AuditSubscriber) => {
        subscribers.push(subscriber);
        subscriber.onState({ source: 'audit-owner' });
        return Promise.resolve({ end: () => Promise.resolve() });
      },
    },
    tell: (type: number, body: string) => {
      const identity = { id: '1.000:1', serial: 1, timeMs: 1000 };
      const event = { ...identity, records: [{ ...identity, type, body }], complete: true };
      for (const { onEvent } of subscribers) onEvent(event);
    },
  };
};

const opened = `pid=7 uid=0 ses=3 msg='op=PAM:session_open acct="anna" exe="/usr/sbin/sshd" addr=192.0.2.1 res=success'`;

describe('the login collector', () => {
  it('sets no audit rule, and tells a login when its session is known', async () => {
    const source = auditSource();
    const { clock, told, states } = await setUp({ audit: source.audit });
    expect(states).toEqual([{ source: 'audit-owner' }]);
    expect(source.subscribers[0]?.rules).toEqual([]);
    source.tell(loginRecordTypes.USER_START, opened);
    expect(told).toEqual([]);
    await clock.advance(1000);
    expect(told).toMatchObject([{ UserName: 'anna', Result: 'Success' }]);
  });

  it.each([
    { loginSource: 'audit', processSource: 'auto', takesPart: true },
    { loginSource: 'auto', processSource: 'audit', takesPart: false },
  ] as const)(
    'listens to audit that others set up where loginSource asks for it: $loginSource',
    async ({ takesPart, ...sources }) => {
      const source = auditSource();
      await setUp({ audit: source.audit, settings: { ...caseSettings, ...sources } });
      expect(source.subscribers[0]?.evenWithoutRules).toBe(takesPart);
    },
  );

  it('completes the uid from the name, and the name from the uid', async () => {
    const source = auditSource();
    const users = { nameOf: () => 'bert', uidOf: () => 1001 };
    const { clock, told } = await setUp({ audit: source.audit, users });
    source.tell(loginRecordTypes.USER_START, opened);
    source.tell(
      loginRecordTypes.USER_LOGIN,
      `pid=8 uid=0 ses=4 msg='op=login id=1001 exe="/bin/login" addr=? res=success'`,
    );
    await clock.advance(1000);
    expect(told).toMatchObject([
      { ProcessId: 8, UserId: '1001', UserName: 'bert' },
      { ProcessId: 7, UserId: '1001', UserName: 'anna' },
    ]);
  });

  it('tells at its stop what waited for more', async () => {
    const source = auditSource();
    const { told, running } = await setUp({ audit: source.audit });
    source.tell(loginRecordTypes.USER_START, opened);
    if (isUnavailable(running)) throw new Error(running.unavailable);
    await running.stop();
    expect(told).toHaveLength(1);
  });

  it('is not available where none of audit, files and journal can be read, and says why', async () => {
    const { running } = await setUp({});
    const reason = isUnavailable(running) ? running.unavailable : '';
    expect(reason).toMatch(/Not in this test.*wtmp \(ENOENT\).*btmp \(ENOENT\)/);
  });

  it('fails when its source ends and no other works', async () => {
    const source = auditSource();
    const { clock, failures } = await setUp({ audit: source.audit });
    source.audit.subscribe = () => Promise.resolve({ unavailable: 'Gone.' }) as never;
    source.subscribers[0]?.onFailed(new Error('The audit socket broke.'));
    await clock.advance(0);
    expect(failures.join()).toMatch(/^The audit socket broke\. Gone\..*wtmp/);
  });

  it.each(['audit', 'journal'] as const)(
    'the setting %s takes that and nothing else',
    async (loginSource) => {
      const asked: string[] = [];
      const noting = (source: string) => ({
        subscribe: () => {
          asked.push(source);
          return Promise.resolve({ unavailable: 'Not in this test.' });
        },
      });
      const { running } = await setUp({
        settings: { ...caseSettings, loginSource },
        audit: noting('audit'),
        journal: noting('journal'),
      });
      expect(isUnavailable(running)).toBe(true);
      expect(asked).toEqual([loginSource]);
    },
  );
});
