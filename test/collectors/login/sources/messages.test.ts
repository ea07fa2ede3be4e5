import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loginObservation } from '../../../../collectors/login/payload.js';
import type { LoginFacts } from '../../../../collectors/login/sources/facts.js';
import { JournalLogins } from '../../../../collectors/login/sources/journal-logins.js';
import { readLoginMessage } from '../../../../collectors/login/sources/messages.js';
import { checkPayload } from '../../../../contract/payload-check.js';

type Line = readonly [identifier: string, pid: number, text: string];

/** The fields that journald gives to a line of a program of root, and those that a test changes. */
function entryOf([identifier, pid, text]: Line, changed: Readonly<Record<string, string>> = {}) {
  const given = {
    MESSAGE: text,
    SYSLOG_IDENTIFIER: identifier,
    _COMM: identifier.slice(0, 15),
    _EXE: `/usr/sbin/${identifier}`,
    _PID: String(pid),
    _TRANSPORT: 'syslog',
    _UID: '0',
    ...changed,
  };
  const fields = new Map(Object.entries(given).filter(([, value]) => value !== ''));
  return { timeMs: 1000, fields };
}

/** All logins of some lines, told one after the other a moment apart. */
function loginsOf(
  entries: readonly ReturnType<typeof entryOf>[],
  apartMs = 10,
  startTicksOf: (index: number) => number | undefined = () => undefined,
): LoginFacts[] {
  const told: LoginFacts[] = [];
  const logins = new JournalLogins({
    onLogin: (facts) => told.push(facts),
    localPortOf: () => undefined,
    startTicksOf: () => startTicksOf(index),
  });
  let index = 0;
  let nowMs = 0;
  for (const [at, entry] of entries.entries()) {
    index = at;
    const message = readLoginMessage(entry);
    if (message !== undefined) logins.take(message, nowMs);
    nowMs += apartMs;
    logins.expire(nowMs);
  }
  logins.flush();
  return told;
}

const summaryOf = (facts: LoginFacts): string =>
  [
    facts.userName ?? '-',
    facts.remoteAddress ?? facts.remoteHost ?? facts.terminal ?? 'here',
    facts.remotePort ?? '-',
    facts.operation,
    facts.succeeded ? 'Success' : 'Fail',
  ].join(' ');

const captured: readonly (readonly [string, readonly Line[], readonly string[]])[] = [
  [
    'Debian 12: a password, a wrong one, a key, an unknown user',
    [
      ['sshd', 11, 'Accepted password for anna from ::1 port 47818 ssh2'],
      ['sshd', 11, 'pam_unix(sshd:session): session opened for user anna(uid=2001) by (uid=0)'],
      ['sshd', 16, 'Received disconnect from ::1 port 47818:11: disconnected by user'],
      ['sshd', 16, 'Disconnected from user anna ::1 port 47818'],
      ['sshd', 11, 'pam_unix(sshd:session): session closed for user anna'],
      [
        'sshd',
        12,
        'pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=127.0.0.1  user=anna',
      ],
      ['sshd', 12, 'Failed password for anna from 127.0.0.1 port 57512 ssh2'],
      ['sshd', 12, 'Connection closed by authenticating user anna 127.0.0.1 port 57512 [preauth]'],
      [
        'sshd',
        13,
        'Accepted publickey for anna from 127.0.0.1 port 57510 ssh2: ED25519 SHA256:IGH0MwzF0crgvtXGMaWTFyHP+aJ5ugdCEX8/Yb/0Xl4',
      ],
      ['sshd', 13, 'pam_unix(sshd:session): session opened for user anna(uid=2001) by (uid=0)'],
      ['sshd', 14, 'Invalid user nosuchuser from 127.0.0.1 port 40846'],
      ['sshd', 14, 'pam_unix(sshd:auth): check pass; user unknown'],
      [
        'sshd',
        14,
        'pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=127.0.0.1 ',
      ],
      ['sshd', 14, 'Failed password for invalid user nosuchuser from 127.0.0.1 port 40846 ssh2'],
      ['sshd', 14, 'Connection closed by invalid user nosuchuser 127.0.0.1 port 40846 [preauth]'],
    ],
    [
      'anna ::1 47818 password Success',
      'anna ::1 47818 logout Success',
      'anna 127.0.0.1 57512 password Fail',
      'nosuchuser 127.0.0.1 40846 password Fail',
      'anna 127.0.0.1 57510 publickey Success',
    ],
  ],
  [
    'Debian 13: sshd-session, and a key that is not known',
    [
      [
        'sshd-session',
        21,
        'Accepted publickey for pi from 192.168.1.5 port 50022 ssh2: RSA SHA256:abc',
      ],
      [
        'sshd-session',
        21,
        'pam_unix(sshd:session): session opened for user pi(uid=1000) by pi(uid=0)',
      ],
      [
        'sshd-session',
        22,
        'Connection closed by authenticating user root 203.0.113.9 port 4711 [preauth]',
      ],
      ['sshd-session', 23, 'Connection closed by 203.0.113.9 port 4712'],
      ['sshd-session', 21, 'pam_unix(sshd:session): session closed for user pi'],
    ],
    [
      'root 203.0.113.9 4711 ssh Fail',
      'pi 192.168.1.5 50022 publickey Success',
      'pi 192.168.1.5 50022 logout Success',
    ],
  ],
  [
    'Ubuntu 22.04: keyboard-interactive, two tries on one connection',
    [
      ['sshd', 31, 'error: PAM: Authentication failure for anna from 10.0.0.5'],
      ['sshd', 31, 'Failed keyboard-interactive/pam for anna from 10.0.0.5 port 40100 ssh2'],
      ['sshd', 31, 'error: PAM: Authentication failure for anna from 10.0.0.5'],
      ['sshd', 31, 'error: PAM: Authentication failure for anna from 10.0.0.5'],
      [
        'sshd',
        31,
        'error: maximum authentication attempts exceeded for anna from 10.0.0.5 port 40100 ssh2 [preauth]',
      ],
      [
        'sshd',
        31,
        'Disconnecting authenticating user anna 10.0.0.5 port 40100: Too many authentication failures [preauth]',
      ],
    ],
    [
      'anna 10.0.0.5 40100 keyboard-interactive/pam Fail',
      'anna 10.0.0.5 - ssh Fail',
      'anna 10.0.0.5 40100 ssh Fail',
    ],
  ],
  [
    'RHEL 9: a domain user whom pam_unix does not know, and a user that may not',
    [
      [
        'su',
        41,
        'pam_unix(su:auth): authentication failure; logname=root uid=0 euid=0 tty=pts/0 ruser=root rhost=  user=dora',
      ],
      [
        'su',
        41,
        'pam_sss(su:auth): authentication success; logname=root uid=0 euid=0 tty=pts/0 ruser=root rhost= user=dora',
      ],
      ['su', 41, 'pam_unix(su:session): session opened for user dora(uid=50001) by root(uid=0)'],
      ['sshd', 42, 'User eva from 10.1.1.1 not allowed because not listed in AllowUsers'],
      ['sshd', 42, 'Failed password for invalid user eva from 10.1.1.1 port 33000 ssh2'],
    ],
    ['eva 10.1.1.1 33000 password Fail', 'dora here - PAM:session_open Success'],
  ],
  [
    'Raspberry Pi OS: login at the console, wrong and right',
    [
      [
        'login',
        51,
        'pam_unix(login:auth): authentication failure; logname=LOGIN uid=0 euid=0 tty=/dev/tty1 ruser= rhost=  user=pi',
      ],
      ['login', 51, "FAILED LOGIN (1) on '/dev/tty1' FOR 'pi', Authentication failure"],
      [
        'login',
        51,
        'pam_unix(login:session): session opened for user pi(uid=1000) by LOGIN(uid=0)',
      ],
      ['login', 51, 'LOGIN ON tty1 BY pi'],
      ['login', 51, 'pam_unix(login:session): session closed for user pi'],
    ],
    ['pi tty1 - login Fail', 'pi tty1 - PAM:session_open Success', 'pi tty1 - logout Success'],
  ],
  [
    'Yocto with dropbear',
    [
      ['dropbear', 61, "Password auth succeeded for 'root' from 192.168.7.1:41000"],
      ['dropbear', 61, 'Exit (root) from <192.168.7.1:41000>: Disconnect received'],
      ['dropbear', 62, "Bad password attempt for 'root' from 192.168.7.1:41001"],
      ['dropbear', 63, 'Login attempt for nonexistent user from 192.168.7.1:41002'],
      ['dropbear', 63, 'Exit before auth from <192.168.7.1:41002>: Exited normally'],
    ],
    [
      'root 192.168.7.1 41000 Password Success',
      'root 192.168.7.1 41000 logout Success',
      'root 192.168.7.1 41001 password Fail',
      '- 192.168.7.1 41002 login Fail',
    ],
  ],
];

describe('logins from messages of the journal', () => {
  it.each(captured)('%s', (_name, lines, expected) => {
    const told = loginsOf(lines.map((line) => entryOf(line)));
    expect(told.map(summaryOf)).toEqual(expected);
    for (const facts of told)
      expect(checkPayload('Login', loginObservation(facts).payload)).toBeUndefined();
  });

  it('takes the session from logind, by the process that leads it', () => {
    const told = loginsOf([
      entryOf(['sshd', 71, 'Accepted password for anna from 192.0.2.1 port 5 ssh2']),
      entryOf([
        'sshd',
        71,
        'pam_unix(sshd:session): session opened for user anna(uid=7) by (uid=0)',
      ]),
      entryOf(['systemd-logind', 3, 'New session 12 of user anna.'], {
        LEADER: '71',
        SESSION_ID: '12',
        _TRANSPORT: 'journal',
      }),
    ]);
    expect(told).toMatchObject([{ pid: 71, userId: 7, sessionId: 12, operation: 'password' }]);
  });

  const reused: readonly (readonly [
    string,
    readonly Line[],
    readonly number[],
    readonly string[],
  ])[] = [
    [
      'a key refused after another failed there',
      [
        ['sshd', 75, 'Failed password for anna from 192.0.2.1 port 5 ssh2'],
        ['sshd', 75, 'Invalid user eve from 192.0.2.2 port 6'],
        ['sshd', 75, 'Connection closed by invalid user eve 192.0.2.2 port 6 [preauth]'],
      ],
      [],
      ['anna 192.0.2.1 5 password Fail', 'eve 192.0.2.2 6 ssh Fail'],
    ],
    [
      'a login while another waits for its session',
      [
        ['sshd', 75, 'Accepted password for anna from 192.0.2.1 port 5 ssh2'],
        ['sshd', 75, 'Accepted password for bert from 192.0.2.1 port 6 ssh2'],
      ],
      [],
      ['anna 192.0.2.1 5 password Success', 'bert 192.0.2.1 6 password Success'],
    ],
    [
      'a login of another program',
      [
        ['sshd', 75, 'Invalid user eve from 192.0.2.2 port 6'],
        ['login', 75, 'LOGIN ON tty1 BY pi'],
      ],
      [],
      ['eve 192.0.2.2 6 ssh Fail', 'pi tty1 - login Success'],
    ],
    [
      'a session of the same program and the same user, begun by another process',
      [
        ['su', 75, 'pam_unix(su:session): session opened for user root(uid=0) by (uid=7)'],
        ['su', 75, 'pam_unix(su:session): session opened for user root(uid=0) by (uid=7)'],
      ],
      [100, 200],
      ['root here - PAM:session_open Success', 'root here - PAM:session_open Success'],
    ],
    [
      'nothing new, where one process speaks for two programs',
      [
        ['login', 75, 'LOGIN ON tty1 BY pi'],
        ['su', 75, 'pam_unix(su:session): session opened for user pi(uid=1000) by (uid=7)'],
      ],
      [100, 100],
      ['pi tty1 - login Success'],
    ],
  ];
  it.each(reused)('of a pid that is given again: %s', (_what, lines, starts, expected) => {
    const entries = lines.map((line) => entryOf(line));
    expect(loginsOf(entries, 10, (index) => starts[index]).map(summaryOf)).toEqual(expected);
  });

  const accepted: Line = ['sshd', 81, 'Accepted password for root from 192.0.2.6 port 22 ssh2'];
  const su: Line = [
    'su',
    82,
    'pam_unix(su:session): session opened for user root(uid=0) by (uid=7)',
  ];
  it.each([
    ['a user', accepted, { _UID: '1000' }],
    ['a user of whom nothing else is known', accepted, { _UID: '1000', _COMM: '', _EXE: '' }],
    ['a user with a program of that name', accepted, { _UID: '1000', _EXE: '/home/a/sshd' }],
    ['another program of root', accepted, { _COMM: 'logger' }],
    ['nobody that journald knows', accepted, { _UID: '' }],
    ["su's name", su, { _UID: '1000', _COMM: 'logger', _EXE: '/usr/bin/logger' }],
    ['a program of a user called su', su, { _UID: '1000', _EXE: '/home/a/bin/su' }],
  ])('believes no login that %s tells', (_who, line, changed) => {
    expect(loginsOf([entryOf(line, changed)])).toEqual([]);
  });

  it('believes su, which runs with the uid of its caller, and tells who that was', () => {
    const told = loginsOf([entryOf(su, { _UID: '1000', _EXE: '/usr/bin/su' })]);
    expect(told).toMatchObject([{ userName: 'root', callerUserId: 1000, succeeded: true }]);
  });

  it.each([
    'root from 6.6.6.6 port 22 ssh2',
    'x from 6.6.6.6 port 1 ssh2: RSA SHA256:a',
    'a b',
    '(uid=0)',
  ])('takes the address that sshd wrote, not the one in the name %s', (name) => {
    const text = `Failed password for invalid user ${name} from 192.0.2.9 port 777 ssh2`;
    const [told] = loginsOf([entryOf(['sshd', 91, text])]);
    expect(told).toMatchObject({
      userName: name,
      remoteAddress: '192.0.2.9',
      remotePort: '777',
      succeeded: false,
    });
  });

  it('sudo and cron are no logins', () => {
    const opened = (program: string): Line => [
      program,
      99,
      `pam_unix(${program}:session): session opened for user root(uid=0) by anna(uid=1000)`,
    ];
    expect(loginsOf(['sudo', 'cron', 'crond', 'systemd'].map((n) => entryOf(opened(n))))).toEqual(
      [],
    );
  });

  it('of more attempts than are remembered the oldest is told early, none is lost', () => {
    const entries = Array.from({ length: 5000 }, (_, index) =>
      entryOf(['sshd', index + 1, `Invalid user u${index} from 192.0.2.1 port 9`]),
    );
    expect(loginsOf(entries, 0)).toHaveLength(5000);
  });

  it('gives only valid payloads, whatever the entries hold, and never throws', () => {
    const texts = captured.flatMap(([, lines]) => lines.map(([, , text]) => text));
    const text = fc
      .tuple(fc.constantFrom(...texts), fc.string(), fc.nat(120), fc.nat(20))
      .map(([from, put, start, cut]) => from.slice(0, start) + put + from.slice(start + cut));
    const entry = fc
      .tuple(
        fc.constantFrom('sshd', 'su', 'login', 'dropbear', 'systemd-logind', 'lightdm', 'x'),
        fc.nat(3),
        fc.oneof(text, fc.string()),
        fc.dictionary(
          fc.constantFrom('_UID', '_PID', '_EXE', '_COMM', 'LEADER', 'SESSION_ID'),
          fc.string({ maxLength: 6 }),
        ),
      )
      .map(([identifier, pid, message, changed]) => entryOf([identifier, pid, message], changed));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (entries) => {
        for (const facts of loginsOf(entries))
          expect(checkPayload('Login', loginObservation(facts).payload)).toBeUndefined();
      }),
    );
  });
});
