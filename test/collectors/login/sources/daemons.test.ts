import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inShort, line, toldOf } from '../../../support/login-log.js';

const recorded = (name: string) =>
  toldOf(readFileSync(new URL(`../../kernel/audit/cases/${name}`, import.meta.url), 'utf8'));
const shortOf = (...lines: string[]) => toldOf(lines.join('\n')).map(inShort);

describe('recorded logins of daemons, of old systems and of no one', () => {
  it('a web console that serves everybody from one process: each attempt is one event', () => {
    const told = recorded('web-console-one-process.log');
    expect(
      told.map(({ Result, UserId, UserName, RemoteAddress }) => [
        Result,
        UserId,
        UserName,
        RemoteAddress,
      ]),
    ).toEqual([
      ['Fail', '0', 'root', '10.0.2.1'],
      ['Success', '0', 'root', '10.0.2.1'],
      ['Success', '1001', 'op1', '10.0.2.9'],
      ['Success', '0', 'root', '10.0.2.1'],
      ['Fail', undefined, 'adm', '10.0.2.66'],
    ]);
  });

  it('a display manager names the user in its own fields, not in those of the kernel', () => {
    expect(recorded('gdm-nested-uid.log').map(inShort)).toEqual(['1000@- Success', '1001@- Fail']);
  });

  it('the login program of 2006', () => {
    expect(recorded('login-2006.log')).toMatchObject([
      { UserId: '848', Result: 'Success', Operation: 'login', ExtraDetails: { Terminal: 'tty3' } },
    ]);
  });

  it('su of Red Hat 5', () => {
    expect(recorded('rhel-5-su.log')).toMatchObject([
      { UserName: 'anna', Result: 'Success', Operation: 'PAM:authentication' },
    ]);
  });

  it('the login uid of a kernel that writes the old one before the new one', () => {
    expect(recorded('kernel-3.2-login-uid.log')).toMatchObject([
      { UserId: '1000', UserName: 'anna', ExtraDetails: { SessionId: '1165' } },
    ]);
  });

  it('chfn, passwd and polkit let nobody in', () => {
    expect(recorded('account-tools-no-login.log')).toEqual([]);
  });
});

describe('a daemon that serves everybody from one process', () => {
  const exe = '/usr/sbin/consoled';
  const addr = '192.0.2.1';

  it('hides no brute force behind a success, however fast', () => {
    const tries = Array.from({ length: 100 }, (_, index) =>
      line('USER_LOGIN', {
        exe,
        acct: 'root',
        addr: '192.0.2.66',
        res: 'failed',
        at: 1 + index / 100,
      }),
    );
    const told = shortOf(line('USER_LOGIN', { exe, acct: 'anna', addr }), ...tries);
    expect(told).toHaveLength(101);
    expect(told.filter((text) => text === 'root@192.0.2.66 Fail')).toHaveLength(100);
  });

  it('tells the same user from the same address each time', () => {
    const told = shortOf(
      ...[0, 0.1, 5, 500].map((at) => line('USER_LOGIN', { exe, acct: 'anna', addr, at })),
    );
    expect(told).toEqual(Array(4).fill('anna@192.0.2.1 Success'));
  });

  it('tells one event of PAM and of the program, in success and in failure', () => {
    const attempt = (at: number, res: string, acct = 'anna') => [
      line('USER_AUTH', { exe, acct, addr, at, res }),
      ...(res === 'success' ? [line('USER_ACCT', { exe, acct, addr, at })] : []),
      line('USER_LOGIN', { exe, acct, addr, at: at + 0.01, res }),
    ];
    const told = shortOf(
      ...attempt(0, 'success'),
      ...attempt(0.5, 'failed'),
      ...attempt(1, 'failed', 'root'),
      ...attempt(1.5, 'success'),
      ...attempt(2, 'success', 'root'),
      ...attempt(2.5, 'failed', 'root'),
    );
    expect(told).toEqual([
      'anna@192.0.2.1 Success',
      'anna@192.0.2.1 Fail',
      'root@192.0.2.1 Fail',
      'anna@192.0.2.1 Success',
      'root@192.0.2.1 Success',
      'root@192.0.2.1 Fail',
    ]);
  });

  it('keeps users apart whose records are interleaved', () => {
    const anna = { exe, acct: 'anna', addr: '192.0.2.1' };
    const bert = { exe, acct: 'bert', addr: '192.0.2.2' };
    const carl = { exe, acct: 'carl', addr: '192.0.2.3', res: 'failed' };
    const told = shortOf(
      line('USER_AUTH', anna),
      line('USER_AUTH', bert),
      line('USER_AUTH', carl),
      line('USER_ACCT', bert),
      line('USER_ACCT', anna),
      line('USER_LOGIN', carl),
      line('USER_START', bert),
      line('USER_START', anna),
      line('USER_END', { ...anna, at: 60 }),
      line('USER_END', { ...bert, at: 90 }),
    );
    expect([...told].sort()).toEqual([
      'anna@192.0.2.1 Success',
      'anna@192.0.2.1 logout',
      'bert@192.0.2.2 Success',
      'bert@192.0.2.2 logout',
      'carl@192.0.2.3 Fail',
    ]);
  });

  it('ends the session of the one who logs out', () => {
    const anna = { exe, acct: 'anna', addr: '192.0.2.1' };
    const bert = { exe, acct: 'bert', addr: '192.0.2.1' };
    const told = toldOf(
      [
        line('USER_AUTH', { ...anna, at: 0 }),
        line('USER_START', { ...anna, at: 0 }),
        line('USER_AUTH', { ...bert, at: 10 }),
        line('USER_START', { ...bert, at: 10 }),
        line('USER_END', { ...anna, at: 100 }),
        line('USER_END', { ...bert, at: 130 }),
      ].join('\n'),
    );
    expect(
      told.slice(2).map((each) => [inShort(each), each.ExtraDetails?.['SessionSeconds']]),
    ).toEqual([
      ['anna@192.0.2.1 logout', '100'],
      ['bert@192.0.2.1 logout', '120'],
    ]);
  });

  it('tells the same user twice when PAM was asked twice, also at the same moment', () => {
    const vpn = { exe: '/usr/sbin/openvpn', acct: 'anna' };
    expect(
      shortOf(
        line('USER_AUTH', vpn),
        line('USER_AUTH', vpn),
        line('USER_ACCT', vpn),
        line('USER_ACCT', { ...vpn, res: 'failed' }),
      ).sort(),
    ).toEqual(['anna@- Fail', 'anna@- Success']);
  });

  it('a password that fails takes nothing from one that was accepted a moment before', () => {
    const vpn = { exe: '/usr/sbin/openvpn', acct: 'anna' };
    expect(
      shortOf(line('USER_AUTH', vpn), line('USER_AUTH', { ...vpn, res: 'failed', at: 0.5 })).sort(),
    ).toEqual(['anna@- Fail', 'anna@- Success']);
  });

  it('an account that is refused is one failure', () => {
    const ftp = { exe: '/usr/sbin/vsftpd', acct: 'anna', addr };
    expect(shortOf(line('USER_AUTH', ftp), line('USER_ACCT', { ...ftp, res: 'failed' }))).toEqual([
      'anna@192.0.2.1 Fail',
    ]);
  });

  it('tells a logout that only the program tells', () => {
    const web = { exe, acct: 'anna', addr };
    expect(shortOf(line('USER_LOGIN', web), line('USER_LOGOUT', { ...web, at: 50 }))).toEqual([
      'anna@192.0.2.1 Success',
      'anna@192.0.2.1 logout',
    ]);
  });

  it('tells sessions without a password each time they are opened, as samba does', () => {
    const smb = { exe: '/usr/sbin/smbd', acct: 'anna', addr, terminal: 'samba' };
    expect(
      shortOf(
        line('USER_ACCT', smb),
        line('USER_START', smb),
        line('USER_ACCT', { ...smb, at: 2 }),
        line('USER_START', { ...smb, at: 2 }),
        line('USER_END', { ...smb, at: 9 }),
        line('USER_END', { ...smb, at: 9 }),
      ),
    ).toEqual([
      'anna@192.0.2.1 Success',
      'anna@192.0.2.1 Success',
      'anna@192.0.2.1 logout',
      'anna@192.0.2.1 logout',
    ]);
  });

  it('whatever the order of attempts, as many are told as there were', () => {
    const attempt = fc.record({
      acct: fc.constantFrom('anna', 'bert', 'root'),
      addr: fc.constantFrom('192.0.2.1', '192.0.2.2', '?'),
      res: fc.constantFrom('success', 'failed'),
      form: fc.constantFrom('pam', 'pam+login', 'login'),
      laterMs: fc.nat(15_000),
    });
    fc.assert(
      fc.property(fc.array(attempt, { maxLength: 25 }), (tries) => {
        let at = 0;
        const lines = tries.flatMap(({ acct, addr: from, res, form, laterMs }, index) => {
          at += laterMs / 1000;
          // Programs speak one way; which of them it is shows in their name.
          const sent = { exe: `/usr/sbin/${form}`, pid: 700, acct, addr: from, res, at };
          const all = {
            pam: ['USER_AUTH', 'USER_ACCT'],
            'pam+login': ['USER_AUTH', 'USER_ACCT', 'USER_LOGIN'],
            login: ['USER_LOGIN'],
          }[form];
          expect(index).toBeGreaterThanOrEqual(0);
          return all
            .filter((type) => res === 'success' || type !== 'USER_ACCT')
            .map((type) => line(type, sent));
        });
        const told = toldOf(lines.join('\n'));
        const count = (result: string) => told.filter(({ Result }) => Result === result).length;
        expect([count('Success'), count('Fail')]).toEqual([
          tries.filter(({ res }) => res === 'success').length,
          tries.filter(({ res }) => res === 'failed').length,
        ]);
      }),
    );
  });
});

describe('programs that serve one user at a time', () => {
  it('login on a terminal: two failures, then another user gets in', () => {
    const login = { exe: '/bin/login', pid: 9, terminal: '/dev/tty1' };
    const bert = { ...login, acct: 'bert' };
    expect(
      shortOf(
        line('USER_AUTH', { ...login, acct: 'anna', res: 'failed', at: 0 }),
        line('USER_LOGIN', { ...login, acct: 'anna', res: 'failed', at: 3.8 }),
        line('USER_AUTH', { ...login, acct: 'anna', res: 'failed', at: 6 }),
        line('USER_LOGIN', { ...login, acct: 'anna', res: 'failed', at: 9 }),
        line('USER_AUTH', { ...bert, at: 12 }),
        line('USER_ACCT', { ...bert, at: 12 }),
        line('USER_START', { ...bert, at: 12.1, ses: 4 }),
        line('USER_LOGIN', { ...bert, at: 12.1, ses: 4 }),
        line('USER_END', { ...bert, at: 60, ses: 4 }),
      ),
    ).toEqual(['anna@- Fail', 'anna@- Fail', 'bert@- Success', 'bert@- logout']);
  });

  it('a session that comes long after the password is the same login', () => {
    const login = { exe: '/bin/login', acct: 'anna', terminal: '/dev/tty1' };
    const told = toldOf(
      [
        line('USER_AUTH', login),
        line('USER_ACCT', login),
        line('USER_START', { ...login, at: 40, ses: 4 }),
        line('USER_LOGIN', { ...login, at: 40.1, ses: 4 }),
        line('USER_END', { ...login, at: 70, ses: 4 }),
      ].join('\n'),
    );
    expect(told.map(inShort)).toEqual(['anna@- Success', 'anna@- logout']);
    expect(told[1]?.ExtraDetails).toMatchObject({ SessionId: '4', SessionSeconds: '70' });
  });

  it('a display manager: greeter, failure, success, unlock, logout', () => {
    const gdm = { exe: '/usr/libexec/gdm-session-worker', acct: 'anna', terminal: '/dev/tty1' };
    const greeter = { ...gdm, acct: 'gdm', pid: 20 };
    const unlock = { ...gdm, pid: 40, at: 100 };
    expect(
      shortOf(
        line('USER_AUTH', greeter),
        line('USER_ACCT', greeter),
        line('USER_START', { ...greeter, ses: 1 }),
        line('USER_AUTH', { ...gdm, res: 'failed', at: 5 }),
        line('USER_LOGIN', { exe: gdm.exe, id: 1000, res: 'failed', at: 7 }),
        line('USER_AUTH', { ...gdm, at: 10 }),
        line('USER_ACCT', { ...gdm, at: 10 }),
        line('USER_START', { ...gdm, at: 10.5, ses: 2, terminal: '/dev/tty2' }),
        line('USER_LOGIN', { exe: gdm.exe, id: 1000, at: 10.5, ses: 2 }),
        line('USER_AUTH', unlock),
        line('USER_ACCT', unlock),
        line('CRED_REFR', unlock),
        line('USER_LOGOUT', { exe: gdm.exe, id: 1000, at: 200, ses: 2 }),
        line('USER_END', { ...gdm, at: 200, ses: 2, terminal: '/dev/tty2' }),
      ),
    ).toEqual(['anna@- Fail', 'anna@- Success', 'anna@- logout']);
  });

  it('a program that authenticates in one process and opens the session in another', () => {
    const rdp = { exe: '/usr/sbin/xrdp-sesman', acct: 'anna' };
    const told = toldOf(
      [
        line('USER_AUTH', rdp),
        line('USER_ACCT', rdp),
        line('USER_START', { ...rdp, pid: 501, ses: 6, at: 0.2 }),
        line('USER_END', { ...rdp, pid: 501, ses: 6, at: 30 }),
      ].join('\n'),
    );
    expect(told.map(inShort)).toEqual(['anna@- Success', 'anna@- logout']);
    expect(told[0]?.ExtraDetails).toMatchObject({ SessionId: '6' });
  });

  it('names that PAM makes canonical are those of one user', () => {
    const ftp = { exe: '/usr/sbin/proftpd', addr: '192.0.2.1' };
    expect(
      shortOf(
        line('USER_AUTH', { ...ftp, acct: 'SITE\\Anna' }),
        line('USER_START', { ...ftp, acct: 'anna' }),
      ),
    ).toEqual(['SITE\\Anna@192.0.2.1 Success']);
  });
});

describe('sshd', () => {
  const addr = '192.0.2.1';
  const classic = { exe: '/usr/sbin/sshd', pid: 600, addr, terminal: 'ssh' };
  const parts = { ...classic, exe: '/usr/lib/openssh/sshd-session' };

  it.each([classic, parts])('six wrong passwords in one connection of $exe are six', (ssh) => {
    const tries = Array.from({ length: 6 }, (_, index) => [
      line('USER_AUTH', { ...ssh, acct: 'root', res: 'failed', at: index * 3 }),
      line('USER_LOGIN', { ...ssh, acct: 'root', res: 'failed', at: index * 3 + 2 }),
    ]).flat();
    expect(shortOf(...tries)).toEqual(Array(6).fill('root@192.0.2.1 Fail'));
  });

  it('six wrong answers, each asked for in a process of its own, are six', () => {
    const tries = Array.from({ length: 6 }, (_, index) => [
      line('USER_AUTH', { ...parts, pid: 700 + index, acct: 'root', res: 'failed', at: index * 3 }),
      line('USER_LOGIN', { ...parts, acct: 'root', res: 'failed', at: index * 3 + 2 }),
    ]).flat();
    const end = line('USER_ERR', { ...parts, acct: '?', res: 'failed', at: 18 });
    expect(shortOf(...tries, end)).toEqual(Array(6).fill('root@192.0.2.1 Fail'));
  });

  it('keys that are refused, then a password', () => {
    const anna = { ...classic, acct: 'anna' };
    const told = toldOf(
      [
        line('USER_LOGIN', { ...anna, res: 'failed', at: 0 }),
        line('USER_LOGIN', { ...anna, res: 'failed', at: 0.1 }),
        line('USER_AUTH', { ...anna, at: 2 }),
        line('USER_ACCT', { ...anna, at: 2 }),
        line('USER_START', { ...anna, ses: 8, at: 2.1 }),
        line('USER_LOGIN', { ...classic, id: 1000, ses: 8, terminal: '/dev/pts/0', at: 2.2 }),
        line('USER_LOGIN', { ...classic, id: 1000, ses: 8, terminal: '/dev/pts/1', at: 50 }),
        line('USER_END', { ...anna, ses: 8, at: 60 }),
      ].join('\n'),
    );
    expect(told.map(inShort)).toEqual(['anna@192.0.2.1 Success', 'anna@192.0.2.1 logout']);
    expect(told[0]?.ExtraDetails).toMatchObject({ Refusals: '2', Terminal: 'pts/0' });
  });

  it('two factors are one login, and a second one that fails is one failure', () => {
    const anna = { ...classic, acct: 'anna' };
    expect(
      shortOf(
        line('USER_AUTH', anna),
        line('USER_AUTH', { ...anna, at: 1 }),
        line('USER_START', { ...anna, ses: 8, at: 1.1 }),
      ),
    ).toEqual(['anna@192.0.2.1 Success']);
    expect(
      shortOf(line('USER_AUTH', anna), line('USER_AUTH', { ...anna, res: 'failed', at: 1 })),
    ).toEqual(['anna@192.0.2.1 Fail']);
  });

  it('the failure of one connection hides no refusal of another from the same address', () => {
    const told = shortOf(
      line('USER_AUTH', { ...classic, pid: 701, acct: 'root', res: 'failed', at: 0 }),
      line('USER_LOGIN', { ...classic, pid: 600, acct: 'root', res: 'failed', at: 2 }),
      line('USER_LOGIN', { ...classic, pid: 610, acct: 'root', res: 'failed', at: 2.5 }),
    );
    expect(told).toEqual(['root@192.0.2.1 Fail', 'root@192.0.2.1 Fail']);
  });

  it('several logins in one process that a new process of the same id follows', () => {
    const anna = { ...classic, acct: 'anna' };
    expect(
      shortOf(
        line('USER_START', { ...anna, ses: 8 }),
        line('USER_START', { ...anna, ses: 9, at: 100 }),
        line('USER_START', { ...anna, at: 200 }),
        line('USER_START', { ...anna, at: 300 }),
      ),
    ).toEqual(Array(4).fill('anna@192.0.2.1 Success'));
  });
});

describe('a result that cannot be read', () => {
  const exe = '/usr/sbin/consoled';
  const odd = { exe, acct: 'anna', addr: '192.0.2.1', res: 'perhaps' };

  it('is told as not known', () => {
    expect(toldOf(line('USER_LOGIN', odd))).toMatchObject([
      { UserName: 'anna', ExtraDetails: { ResultKnown: 'false' } },
    ]);
    expect(toldOf(line('USER_AUTH', odd))).toMatchObject([
      { UserName: 'anna', ExtraDetails: { ResultKnown: 'false' } },
    ]);
  });

  it('leaves the verdict to the other records of the attempt', () => {
    const known = [
      [line('USER_AUTH', odd), line('USER_LOGIN', { ...odd, res: 'success' })],
      [line('USER_AUTH', odd), line('USER_LOGIN', { ...odd, res: 'failed' })],
      [line('USER_AUTH', { ...odd, res: 'success' }), line('USER_LOGIN', odd)],
      [line('USER_AUTH', { ...odd, res: 'failed' }), line('USER_LOGIN', odd)],
    ].map((lines) => toldOf(lines.join('\n')));
    expect(known.map((told) => told.map(inShort))).toEqual([
      ['anna@192.0.2.1 Success'],
      ['anna@192.0.2.1 Fail'],
      ['anna@192.0.2.1 Success'],
      ['anna@192.0.2.1 Fail'],
    ]);
    for (const [payload] of known) expect(payload?.ExtraDetails).not.toHaveProperty('ResultKnown');
  });

  it('is never the end of an account or the failure of a job', () => {
    expect(toldOf(line('USER_ACCT', odd))).toEqual([]);
    expect(toldOf(line('USER_ERR', odd))).toEqual([]);
  });
});
