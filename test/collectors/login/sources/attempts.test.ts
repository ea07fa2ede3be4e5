import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  loginRecordTypes,
  readLoginRecord,
} from '../../../../collectors/kernel/audit/login-records.js';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';
import { loginObservation } from '../../../../collectors/login/payload.js';
import { LoginAttempts } from '../../../../collectors/login/sources/attempts.js';
import { checkPayload } from '../../../../contract/payload-check.js';
import { eventsOf } from '../../../support/audit-cases.js';

const loginsOf = (file: string) => {
  const told: ReturnType<typeof loginObservation>['payload'][] = [];
  const attempts = new LoginAttempts({
    onLogin: (facts) => told.push(loginObservation(facts).payload),
  });
  for (const event of eventsOf(file)) {
    attempts.expire(event.timeMs);
    for (const record of event.records) {
      const login = readLoginRecord(record);
      if (login !== undefined) attempts.push(login, event.timeMs);
    }
  }
  attempts.flush();
  return told;
};

/** `USER ADDRESS-OR-PROGRAM OPERATION RESULT`, in the order they were told. */
const summary = (file: string) =>
  loginsOf(file).map((payload) => {
    const where = payload.RemoteAddress ?? payload.Executable;
    return `${payload.UserName ?? ''} ${where} ${payload.Operation} ${payload.Result}`;
  });

describe('logins from recorded audit events', () => {
  it('Debian 12 with passwords: one event per password, key, su and terminal login', () => {
    expect(summary('debian-12-logins-password.log')).toEqual([
      'anna 127.0.0.1 PAM:session_open Success',
      'anna 127.0.0.1 logout Success',
      'anna ::1 PAM:authentication Success',
      'anna ::1 logout Success',
      'anna 127.0.0.1 PAM:authentication Fail',
      'anna 127.0.0.1 PAM:authentication Fail',
      'nobodyknown 127.0.0.1 PAM:authentication Fail',
      'anna 127.0.0.1 PAM:authentication Success',
      'anna 127.0.0.1 logout Success',
      'anna 127.0.0.1 PAM:authentication Fail',
      'anna 127.0.0.1 PAM:authentication Success',
      'anna 127.0.0.1 logout Success',
      'anna /usr/bin/su PAM:authentication Success',
      'anna /usr/bin/su logout Success',
      'anna /usr/bin/su PAM:authentication Fail',
      'anna /usr/bin/su PAM:authentication Success',
      'anna /usr/bin/su logout Success',
      'anna /usr/bin/login PAM:authentication Success',
      'anna /usr/bin/login logout Success',
      'anna /usr/bin/login PAM:authentication Fail',
    ]);
    const told = loginsOf('debian-12-logins-password.log');
    expect(told[2]).toEqual({
      ProcessId: 31216,
      Executable: '/usr/sbin/sshd',
      Operation: 'PAM:authentication',
      Result: 'Success',
      UserId: '2001',
      UserName: 'anna',
      RemoteAddress: '::1',
      ExtraDetails: { Terminal: 'pts/0', SessionId: '2' },
    });
    expect(told[7]?.ExtraDetails).toEqual({ SessionId: '3', Refusals: '1' });
    expect(told[14]?.ExtraDetails).toEqual({ CallerUserId: '2002' });
    expect(told[18]?.ExtraDetails).toMatchObject({ Terminal: 'pts/0', SessionSeconds: '1' });
  });

  it('Debian 12 with keyboard-interactive: the process that asked PAM and the one that logs in are one attempt', () => {
    expect(summary('debian-12-logins-keyboard-interactive.log')).toEqual([
      'anna 127.0.0.1 PAM:authentication Success',
      'anna 127.0.0.1 logout Success',
      'anna 127.0.0.1 PAM:authentication Fail',
      'bert 127.0.0.1 PAM:accounting Fail',
      'anna 127.0.0.1 PAM:authentication Success',
      'anna 127.0.0.1 logout Success',
      'anna /usr/bin/su PAM:authentication Success',
      'anna /usr/bin/su logout Success',
      'anna 127.0.0.1 login Fail',
      '(invalid user) 127.0.0.1 login Fail',
    ]);
  });

  it('RHEL 7 format: ports from the encrypted session; sudo and cron are no logins', () => {
    expect(summary('rhel-7-logins.log')).toEqual([
      'operator 192.0.2.77 pubkey_auth Success',
      'root 192.0.2.99 PAM:authentication Fail',
      'operator 192.0.2.77 logout Success',
    ]);
    const [key, , logout] = loginsOf('rhel-7-logins.log');
    expect(key).toMatchObject({ RemotePort: '51256', LocalPort: '22', UserId: '1000' });
    expect(logout?.ExtraDetails).toMatchObject({ SessionId: '12', SessionSeconds: '90' });
  });
});

const record = (type: keyof typeof loginRecordTypes, pid: number, nested: string, ses = '-1') => {
  const parsed = parseRecord(
    loginRecordTypes[type],
    `audit(1700000000.000:1): pid=${pid} uid=0 auid=-1 ses=${ses} msg='${nested}'`,
  );
  const login = parsed && readLoginRecord(parsed);
  if (login === undefined) throw new Error('not a login record');
  return login;
};
const sshd = (op: string, res: string, acct = 'acct="anna" ') =>
  `op=${op} ${acct}exe="/usr/sbin/sshd" hostname=? addr=192.0.2.1 terminal=ssh res=${res}`;

describe('attempts', () => {
  const setUp = () => {
    const told: ReturnType<typeof loginObservation>['payload'][] = [];
    const attempts = new LoginAttempts({
      onLogin: (facts) => told.push(loginObservation(facts).payload),
    });
    return { attempts, told };
  };

  it('tells a failure that PAM pronounced at once', () => {
    const { attempts, told } = setUp();
    attempts.push(record('USER_AUTH', 5, sshd('PAM:authentication', 'failed')), 0);
    expect(told).toMatchObject([{ Result: 'Fail' }]);
  });

  it('tells a refusal that only the program tells after three seconds', () => {
    const { attempts, told } = setUp();
    attempts.push(record('USER_LOGIN', 5, sshd('login', 'failed')), 0);
    expect(attempts.expire(2999)).toBe(1);
    expect(told).toEqual([]);
    expect(attempts.expire(3000)).toBeUndefined();
    expect(told).toMatchObject([{ Result: 'Fail', Operation: 'login' }]);
  });

  it('names a user that nobody named, so that the event is valid', () => {
    const { attempts, told } = setUp();
    attempts.push(record('USER_AUTH', 5, sshd('PAM:authentication', 'failed', 'acct="?" ')), 0);
    expect(told).toMatchObject([{ UserName: '(unknown user)' }]);
  });

  it('takes a process id that comes with another session for another process', () => {
    const { attempts, told } = setUp();
    attempts.push(record('USER_START', 5, sshd('PAM:session_open', 'success'), '7'), 0);
    attempts.expire(1000);
    attempts.push(record('USER_START', 5, sshd('PAM:session_open', 'success'), '8'), 2000);
    attempts.expire(3000);
    expect(told.map(({ ExtraDetails }) => ExtraDetails?.['SessionId'])).toEqual(['7', '8']);
  });

  it('tells early what has no room to wait, and loses nothing', () => {
    const { attempts, told } = setUp();
    for (let pid = 1; pid <= 5000; pid++) {
      attempts.push(record('USER_LOGIN', pid, sshd('login', 'failed')), 0);
    }
    expect(told.length).toBe(5000 - 1024);
    attempts.flush();
    expect(new Set(told.map(({ ProcessId }) => ProcessId)).size).toBe(5000);
  });

  it('gives only valid payloads, whatever the records hold, and never throws', () => {
    const word = fc.oneof(fc.stringMatching(/^[ -~]{0,12}$/), fc.constant('\u001d'));
    const field = fc.tuple(
      fc.constantFrom('pid', 'acct', 'op', 'res', 'addr', 'id', 'ses', 'exe', 'terminal', 'rport'),
      fc.oneof(word, fc.constantFrom('success', 'PAM:x', '1', '::1', '"anna"', '192.0.2.1')),
    );
    const entry = fc.tuple(
      fc.constantFrom(...Object.values(loginRecordTypes)),
      fc.array(field, { maxLength: 10 }),
      fc.nat(5000),
    );
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), (entries) => {
        const { attempts, told } = setUp();
        let nowMs = 0;
        for (const [type, fields, laterMs] of entries) {
          nowMs += laterMs;
          attempts.expire(nowMs);
          const nested = fields.map(([name, value]) => `${name}=${value}`).join(' ');
          const parsed = parseRecord(type, `audit(1700000000.000:1): pid=5 msg='${nested}'`);
          const login = parsed && readLoginRecord(parsed);
          if (login !== undefined) attempts.push(login, nowMs);
        }
        attempts.flush();
        for (const payload of told) expect(checkPayload('Login', payload)).toBeUndefined();
      }),
    );
  });
});
