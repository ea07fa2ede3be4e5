import { describe, expect, it } from 'vitest';
import {
  loginRecordTypes,
  readLoginRecord,
} from '../../../../collectors/kernel/audit/login-records.js';
import { parseRecord } from '../../../../collectors/kernel/audit/record.js';
import { LoginAttempts } from '../../../../collectors/login/sources/attempts.js';

/** A record of sshd about `eva`; `hostname` is known to PAM only. */
type Line = readonly [
  atMs: number,
  pid: number,
  type: keyof typeof loginRecordTypes,
  operation: string,
  result?: 'failed',
  address?: string,
];

/** What is told of the records, as `PID OPERATION RESULT`. */
function told(lines: readonly Line[]): string[] {
  const events: string[] = [];
  const attempts = new LoginAttempts({
    onLogin: ({ pid, operation, succeeded }) =>
      void events.push(`${pid} ${operation} ${String(succeeded)}`),
  });
  for (const [atMs, pid, type, op, result = 'success', address = '192.0.2.1'] of lines) {
    attempts.expire(atMs);
    const said = `op=${op} acct="eva" exe="/usr/sbin/sshd" hostname=? addr=${address} terminal=ssh res=${result}`;
    const parsed = parseRecord(
      loginRecordTypes[type],
      `audit(1700000000.000:1): pid=${pid} uid=0 auid=-1 ses=-1 msg='${said}'`,
    );
    const record = parsed && readLoginRecord(parsed);
    if (record === undefined) throw new Error('not a login record');
    attempts.push(record, atMs);
  }
  attempts.flush();
  return events;
}

const opened = (atMs: number, pid: number): Line[] => [
  [atMs, pid, 'USER_START', 'PAM:session_open'],
  [atMs + 50, pid, 'USER_LOGIN', 'login'],
];

/** What is told of records of one process, as `NAME OPERATION RESULT`. */
function named(...lines: [type: keyof typeof loginRecordTypes, said: string][]): string[] {
  const events: string[] = [];
  const attempts = new LoginAttempts({
    onLogin: ({ userName = '?', operation, succeeded }) =>
      void events.push(`${userName} ${operation} ${String(succeeded)}`),
  });
  lines.forEach(([type, said], index) => {
    const parsed = parseRecord(
      loginRecordTypes[type],
      `audit(1700000000.000:1): pid=7 uid=0 auid=-1 ses=-1 msg='${said} exe="/usr/bin/login" hostname=d addr=? terminal=tty1 res=success'`,
    );
    const record = parsed && readLoginRecord(parsed);
    if (record === undefined) throw new Error('not a login record');
    attempts.push(record, index);
  });
  attempts.flush();
  return events;
}

describe('a login without a password, of which the program tells the number of the user', () => {
  it('has the name that PAM was told before', () => {
    const account = ['USER_ACCT', 'op=PAM:accounting acct="kiosk"'] as const;
    const session = ['USER_START', 'op=PAM:session_open acct="kiosk"'] as const;
    const login = ['USER_LOGIN', 'op=login id=1000'] as const;
    expect(named([...account], [...session], [...login])).toEqual(['kiosk login true']);
    expect(named([...session], [...login])).toEqual(['kiosk login true']);
  });

  it('has none where PAM was told of two', () => {
    expect(
      named(
        ['USER_START', 'op=PAM:session_open acct="a"'],
        ['USER_START', 'op=PAM:session_open acct="b"'],
        ['USER_LOGIN', 'op=login id=1000'],
      ),
    ).toEqual(['? login true']);
  });
});

describe('factors of one login of sshd', () => {
  it('PAM asked in a child, and sshd accepts the login itself: one success', () => {
    const lines: Line[] = [
      [0, 811, 'USER_AUTH', 'PAM:authentication', 'failed'],
      [2000, 810, 'USER_AUTH', 'keyboard-interactive/pam', 'failed'],
      [5000, 812, 'USER_AUTH', 'PAM:authentication'],
      [5010, 812, 'USER_ACCT', 'PAM:accounting'],
      [5020, 810, 'USER_AUTH', 'success'],
      ...opened(5100, 810),
    ];
    expect(told(lines)).toEqual(['811 PAM:authentication false', '810 PAM:authentication true']);
  });

  it('a key, and the code typed later than a refusal waits: one success', () => {
    const lines: Line[] = [
      [0, 820, 'USER_AUTH', 'pubkey_auth'],
      [1, 820, 'USER_AUTH', 'key'],
      [20_000, 822, 'USER_AUTH', 'PAM:authentication'],
      [20_010, 822, 'USER_ACCT', 'PAM:accounting'],
      [20_020, 820, 'USER_AUTH', 'success'],
      ...opened(20_100, 820),
    ];
    expect(told(lines)).toEqual(['820 PAM:authentication true']);
  });

  it('a key, and a wrong password: one failure, no success', () => {
    const lines: Line[] = [
      [0, 830, 'USER_AUTH', 'pubkey_auth'],
      [9000, 830, 'USER_AUTH', 'PAM:authentication', 'failed'],
      [11_000, 830, 'USER_AUTH', 'password', 'failed'],
      [12_000, 830, 'USER_LOGIN', 'login', 'failed'],
    ];
    expect(told(lines)).toEqual(['830 PAM:authentication false']);
  });

  it('a key alone: the account that is looked at ends the wait for another factor', () => {
    const lines: Line[] = [
      [0, 840, 'USER_AUTH', 'pubkey_auth'],
      [10, 840, 'USER_ACCT', 'PAM:accounting'],
      [20, 840, 'USER_AUTH', 'success'],
      [4000, 841, 'USER_AUTH', 'PAM:authentication', 'failed'],
    ];
    expect(told(lines)).toEqual(['840 pubkey_auth true', '841 PAM:authentication false']);
  });

  it('a key does not take the password of another connection', () => {
    const lines: Line[] = [
      [0, 850, 'USER_AUTH', 'PAM:authentication'],
      [5, 860, 'USER_AUTH', 'pubkey_auth'],
      [10, 860, 'USER_ACCT', 'PAM:accounting'],
      [15, 850, 'USER_ACCT', 'PAM:accounting'],
      [20, 860, 'USER_AUTH', 'success'],
      [25, 850, 'USER_AUTH', 'success'],
      ...opened(100, 850),
      ...opened(200, 860),
    ];
    expect(told(lines)).toEqual(['850 PAM:authentication true', '860 pubkey_auth true']);
  });
});
