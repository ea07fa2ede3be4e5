import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  loginRecordTypes,
  readLoginRecord,
} from '../../../../collectors/kernel/audit/login-records.js';
import { readResult } from '../../../../collectors/kernel/audit/login-result.js';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';
import { recordsOf } from '../../../support/audit-cases.js';

const read = (type: keyof typeof loginRecordTypes, body: string) => {
  const record = parseRecord(loginRecordTypes[type], `audit(1700000000.000:1): ${body}`);
  return record && readLoginRecord(record);
};
const firstOf = (file: string) => {
  const [record] = recordsOf(file);
  return record && readLoginRecord(record);
};

describe('results', () => {
  it.each([
    'success',
    'Success',
    'success)',
    "success'",
    'success)\u0027',
    '1',
    'yes',
    '"success"',
  ])('%s is a success', (text) => expect(readResult(text)).toBe(true));

  it.each([
    'failed',
    'failed)',
    'Failed',
    'fail',
    'failure',
    '0',
    'no',
    'Authentication failure)',
    'User not known to the underlying authentication module)',
    'Permission denied',
  ])('%s is a failure', (text) => expect(readResult(text)).toBe(false));

  it.each([
    undefined,
    '',
    '?',
    'succes',
    'successful',
    'fai',
    '2',
    '-1',
    '(null)',
    'unknown',
    '10',
  ])('%s is neither', (text) => expect(readResult(text)).toBeUndefined());

  it('are never guessed', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{1,8}$/), (word) => {
        fc.pre(!/^(?:success|yes|fail|failed|failure|no)$/.test(word));
        expect(readResult(word)).toBeUndefined();
      }),
    );
  });
});

describe('login records', () => {
  it('of the program say whom it lets in, those of the kernel who asks', () => {
    expect(
      read(
        'USER_LOGIN',
        `pid=7 uid=0 auid=1000 ses=3 msg='uid=1001 pid=8 ses=9 auid=5 exe="/usr/bin/x" hostname=? addr=? terminal=? res=success'`,
      ),
    ).toMatchObject({ pid: 7, callerUserId: 0, userId: 1001, sessionId: 3, operation: 'login' });
  });

  it('take what libaudit writes after a name of another host from their end', () => {
    expect(
      read(
        'USER_AUTH',
        `pid=7 uid=0 auid=-1 ses=-1 msg='op=PAM:authentication acct="anna" exe="/usr/sbin/x" hostname=a addr=192.0.2.66 res=success acct="root" exe="/bin/y" addr=192.0.2.7 terminal=ftp res=failed'`,
      ),
    ).toMatchObject({
      userName: 'anna',
      executable: '/usr/sbin/x',
      remoteAddress: '192.0.2.7',
      terminal: 'ftp',
      succeeded: false,
    });
  });

  it('end where their text ends, whatever quotes names hold', () => {
    const expected = { userName: "o'brien", remoteAddress: '192.0.2.7', succeeded: true };
    const text = `pid=7 uid=0 ses=3 msg='op=login acct="o'brien" exe="/bin/x" hostname=? addr=192.0.2.7 terminal=? res=success'`;
    expect(read('USER_LOGIN', text)).toMatchObject(expected);
    expect(read('USER_LOGIN', `${text}\u001dUID="root" AUID="it's"`)).toMatchObject(expected);
    expect(read('USER_LOGIN', `${text}UID="root" AUID="it's"`)).toMatchObject(expected);
  });

  it('name the user that auditd added only where the program named none', () => {
    const withId = (nested: string) =>
      read(
        'USER_LOGIN',
        `pid=7 uid=0 msg='op=login ${nested} res=success'\u001dUID="root" ID="anna"`,
      );
    expect(withId('id=1000')).toMatchObject({ userId: 1000, userName: 'anna' });
    expect(withId('acct="bert"')).toMatchObject({ userName: 'bert' });
    const unknown = read('USER_LOGIN', `pid=7 msg='op=login id=7 res=1'\u001dID="unknown(7)"`);
    expect(unknown?.userName).toBeUndefined();
  });

  it('are read without the quotes that a forwarder took away', () => {
    expect(
      read(
        'USER_LOGIN',
        `pid=7 uid=0 msg=op=login acct="anna" exe="/bin/x" addr=192.0.2.7 res=failed`,
      ),
    ).toMatchObject({ userName: 'anna', remoteAddress: '192.0.2.7', succeeded: false });
  });

  it('that were cut tell nothing of the field that was cut', () => {
    const cut = read(
      'USER_AUTH',
      `pid=7 uid=0 msg='op=PAM:authentication acct="anna" addr=192.0.2.1`,
    );
    expect(cut).toMatchObject({ userName: 'anna', succeeded: undefined });
    expect(cut?.remoteAddress).toBeUndefined();
  });

  it('of the kernel say the new login uid, in each of its forms', () => {
    const expected = { stage: 'identified', userId: 1000, sessionId: 1165, succeeded: true };
    expect(firstOf('kernel-3.2-login-uid.log')).toMatchObject(expected);
    expect(
      read(
        'LOGIN',
        'login pid=5 uid=0 old auid=4294967295 new auid=1000 old ses=4294967295 new ses=1165',
      ),
    ).toMatchObject(expected);
    expect(
      read(
        'LOGIN',
        'pid=5 uid=0 old-auid=4294967295 auid=1000 tty=(none) old-ses=4294967295 ses=1165 res=1',
      ),
    ).toMatchObject(expected);
    expect(
      read('LOGIN', 'pid=5 uid=0 old-auid=4294967295 auid=1000 old-ses=4294967295 ses=1165 res=0'),
    ).toMatchObject({ succeeded: false });
  });

  it('of 2005 to 2008 are read: no "op", sentences as results, punctuation behind values', () => {
    expect(firstOf('login-2006.log')).toMatchObject({
      pid: 2027,
      userId: 848,
      operation: 'login',
      executable: '/bin/login',
      terminal: 'tty3',
      succeeded: true,
    });
    expect(firstOf('rhel-5-su.log')).toMatchObject({
      operation: 'PAM:authentication',
      userName: 'anna',
      executable: '/bin/su',
      terminal: 'pts/0',
      succeeded: true,
    });
    expect(
      read(
        'USER_AUTH',
        `user pid=2922 uid=0 auid=4294967295 msg='PAM authentication: user=tim exe="/usr/sbin/sshd" (hostname=192.0.2.7, addr=192.0.2.7, terminal=ssh result=Authentication failure)'`,
      ),
    ).toMatchObject({
      operation: 'PAM:authentication',
      userName: 'tim',
      remoteAddress: '192.0.2.7',
      succeeded: false,
    });
    expect(
      read(
        'USER_START',
        `user pid=9 uid=0 auid=500 msg='PAM: session open acct="tim" : exe="/usr/sbin/sshd" (hostname=h, addr=2001:db8::, terminal=ssh res=success)'`,
      ),
    ).toMatchObject({
      operation: 'PAM:session_open',
      remoteAddress: '2001:db8::',
      succeeded: true,
    });
    expect(
      read(
        'USER_LOGIN',
        `user pid=2500 uid=0 auid=4294967295 msg='acct=28696E76616C6964207573657229: exe="/usr/sbin/sshd" (hostname=?, addr=192.0.2.7, terminal=sshd res=failed)'`,
      ),
    ).toMatchObject({ userName: '(invalid user)', remoteAddress: '192.0.2.7', succeeded: false });
  });

  it('never fail to be read, and always name an operation', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        " msg='",
        "'",
        '"',
        '\u001d',
        'acct="a',
        'res=',
        'PAM: ',
        'UID="x"',
        '(hostname=',
      ),
      fc.string({ maxLength: 8 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(loginRecordTypes)),
        fc.array(piece, { maxLength: 30 }),
        (type, pieces) => {
          const record = parseRecord(type, `audit(1700000000.000:1): pid=5 ${pieces.join('')}`);
          const login = record && readLoginRecord(record);
          expect(login === undefined || login.operation !== '').toBe(true);
        },
      ),
    );
  });

  it('of many quotes are read in the time of few', () => {
    const login = read('USER_AUTH', `pid=5 msg='${`'A="" `.repeat(2000)}x`);
    expect(login?.pid).toBe(5);
  });
});
