import { execFileSync } from 'node:child_process';
import { setTimeout as settle } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { isUnavailable } from '../../base/unavailable.js';
import { createHost, type ManagedHost } from '../../collectors/host.js';
import type { RunningCollector } from '../../collectors/interface/collector.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { login } from '../../collectors/login/index.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import type { Payload } from '../../contract/events.js';
import { checkPayload } from '../../contract/payload-check.js';
import { kernelState, until } from '../support/device/audit-support.js';
import { LoginSandbox, sshPort } from '../support/device/login-sandbox.js';

const problems: string[] = [];
let sandbox: LoginSandbox;
let host: ManagedHost;
let before: ReturnType<typeof kernelState>;
let watched: RunningCollector | undefined;

/** The login collector on the real kernel, or on the files where audit is taken away from it. */
async function watch(parts: Partial<ManagedHost> = {}) {
  const told: Payload<'Login'>[] = [];
  const sources: string[] = [];
  const running = await login.start({
    host: { ...host, ...parts },
    clock: systemClock,
    emit: ({ payload }) => told.push(payload),
    lose: (cause, count) => problems.push(`${count} × ${cause}`),
    setSource: ({ source }) => sources.push(source),
    fail: (error) => problems.push(error.message),
  });
  if (isUnavailable(running)) throw new Error(running.unavailable);
  watched = running;
  return { told, sources, stop: () => running.stop() };
}

beforeAll(async () => {
  before = kernelState();
  sandbox = LoginSandbox.create();
  host = createHost({
    clock: systemClock,
    settings: standardLocalSettings(),
    paths: { ...hostPaths, journalDirectory: sandbox.journalDirectory },
    onTampering: (sentence) => problems.push(sentence),
    onProblem: (sentence) => problems.push(sentence),
  });
  await host.start();
});

afterEach(async () => {
  await watched?.stop();
});

afterAll(async () => {
  await host.stop();
  sandbox.remove();
  expect(kernelState()).toEqual(before);
});

const describeLogin = (payload: Payload<'Login'>) =>
  `${payload.UserName ?? ''} ${payload.RemoteAddress ?? 'here'} ${payload.Operation} ${payload.Result}`;

const actions = [
  {
    what: 'ssh with a key',
    script: 'ssh_key anna@127.0.0.1 \'echo "connection $SSH_CONNECTION"\'',
    logins: ['anna 127.0.0.1 PAM:session_open Success', 'anna 127.0.0.1 logout Success'],
  },
  {
    what: 'ssh with a password and a terminal, IPv6',
    script: 'ssh_password right-password -tt anna@::1 "tty; sleep 1"',
    logins: ['anna ::1 PAM:authentication Success', 'anna ::1 logout Success'],
  },
  {
    what: 'ssh with a wrong password',
    script: 'ssh_password wrong anna@127.0.0.1',
    logins: ['anna 127.0.0.1 PAM:authentication Fail'],
  },
  {
    what: 'ssh as a user that does not exist',
    script: 'ssh_password wrong nosuchuser@127.0.0.1',
    logins: ['nosuchuser 127.0.0.1 PAM:authentication Fail'],
  },
  {
    what: 'su by root',
    script: 'su anna -c true',
    logins: ['anna here PAM:authentication Success', 'anna here logout Success'],
  },
  {
    what: 'su with a wrong password',
    script: 'echo wrong | as_bert su anna -c true 2> /dev/null',
    logins: ['anna here PAM:authentication Fail'],
  },
];

describe('logins on a real device', () => {
  it('each is found again in the audit stream, with the right fields', async () => {
    // Without libaudit a program writes no records, and only wtmp tells of its logins.
    expect(execFileSync('ldd', [sandbox.sshd], { encoding: 'utf8' })).toContain('libaudit');
    const { told, sources, stop } = await watch();
    expect(sources).toEqual(['audit-owner']);
    const output = await sandbox.run(actions.map(({ script }) => script).join('\n'));
    const expected = actions.flatMap(({ logins }) => logins);
    await until('the logins', 8000, () => told.length >= expected.length).catch(() => undefined);
    await stop();
    process.stdout.write(
      `expected:\n  ${expected.join('\n  ')}\nfound:\n  ${told.map(describeLogin).join('\n  ')}\n`,
    );
    expect(told.map(describeLogin)).toEqual(expected);
    for (const payload of told) expect(checkPayload('Login', payload)).toBeUndefined();
    expect(problems).toEqual([]);

    const [key, keyEnd, terminal, , wrong, unknown, su, , suWrong] = told;
    const [, from = '', remotePort = ''] = /connection (\S+) (\d+) /u.exec(output) ?? [];
    expect(key).toMatchObject({
      Executable: sandbox.sshd,
      UserId: '2001',
      RemoteAddress: from,
    });
    const portsOf = (payload: typeof key): string =>
      `${payload?.RemotePort ?? ''}>${payload?.LocalPort ?? ''}`;
    expect(portsOf(key)).toBe(`${remotePort}>${sshPort}`);
    expect(key?.ExtraDetails?.['SessionId']).toMatch(/^\d+$/);
    expect(keyEnd?.ExtraDetails?.['SessionId']).toBe(key?.ExtraDetails?.['SessionId']);
    expect(terminal?.ExtraDetails?.['Terminal']).toMatch(/^pts\/\d+$/);
    expect(output).toContain(`/dev/${terminal?.ExtraDetails?.['Terminal'] ?? ''}`);
    const ports = new RegExp(`^\\d+>${sshPort}$`);
    for (const payload of [terminal, wrong, unknown]) expect(portsOf(payload)).toMatch(ports);
    expect(new Set([key, terminal, wrong, unknown].map(portsOf)).size).toBe(4);
    expect(su?.Executable).toMatch(/\/su$/);
    expect(suWrong?.ExtraDetails).toMatchObject({ CallerUserId: '2002' });
  });

  it('ports of sshd are found when every process is gone before its records are read', async () => {
    const late: (() => void)[] = [];
    const { told, stop } = await watch({
      audit: {
        subscribe: (subscriber) =>
          host.audit.subscribe({
            ...subscriber,
            onEvent: (event) => {
              late.push(() => {
                subscriber.onEvent(event);
              });
            },
          }),
      },
    });
    const output = await sandbox.run(
      actions
        .slice(0, 4)
        .map(({ script }) => script)
        .join('\n'),
    );
    for (let seen = -1; seen !== late.length;) {
      seen = late.length;
      await settle(500);
    }
    for (const deliver of late) deliver();
    await stop();
    const logins = told.filter(({ Operation }) => Operation !== 'logout');
    expect(logins.map(describeLogin)).toEqual(
      actions.slice(0, 4).map(({ logins: [first] }) => first),
    );
    const ports = logins.map(({ RemotePort, LocalPort }) => `${RemotePort}>${LocalPort}`);
    const [, , remotePort = ''] = /connection (\S+) (\d+) /u.exec(output) ?? [];
    expect(ports[0]).toBe(`${remotePort}>${sshPort}`);
    for (const pair of ports) expect(pair).toMatch(new RegExp(`^\\d+>${sshPort}$`));
    expect(new Set(ports).size).toBe(4);
  });

  it('where audit is not to be had, those that wtmp and btmp hold are found there', async () => {
    const { told, sources, stop } = await watch({
      audit: { subscribe: () => Promise.resolve({ unavailable: 'Taken away by the test.' }) },
      paths: { ...host.paths, logRoot: sandbox.logRoot },
    });
    expect(sources).toEqual(['wtmp']);
    await sandbox.run(`${actions[1]?.script ?? ''}\n${actions[2]?.script ?? ''}`);
    await until('the logins', 8000, () => told.length >= 3);
    await stop();
    // They come from two files, each in its own order.
    expect(told.map(describeLogin).sort()).toEqual([
      'anna 127.0.0.1 login Fail',
      'anna ::1 login Success',
      'anna ::1 logout Success',
    ]);
    for (const payload of told) expect(checkPayload('Login', payload)).toBeUndefined();
  });

  it('where there is neither audit nor wtmp, they are found in the journal, and forged ones are not', async () => {
    // From the first run on there is a journal.
    await sandbox.run('true');
    const { told, sources, stop } = await watch({
      audit: { subscribe: () => Promise.resolve({ unavailable: 'Taken away by the test.' }) },
      paths: { ...host.paths, logRoot: '/nonexistent' },
    });
    expect(sources).toEqual(['journal']);
    const forged = 'Accepted password for root from 192.0.2.66 port 22 ssh2';
    const output = await sandbox.run(`
as_bert logger -t sshd -p auth.info "${forged}"
as_bert logger -t su -p auth.info "pam_unix(su:session): session opened for user root(uid=0) by (uid=2002)"
${actions.map(({ script }) => script).join('\n')}
echo right-password | as_bert su anna -c true 2> /dev/null`);
    const expected = [
      'anna 127.0.0.1 publickey Success',
      'anna 127.0.0.1 logout Success',
      'anna ::1 password Success',
      'anna ::1 logout Success',
      'anna 127.0.0.1 password Fail',
      'nosuchuser 127.0.0.1 password Fail',
      'anna here PAM:session_open Success',
      'anna here logout Success',
      'anna here su Fail',
      'anna here PAM:session_open Success',
      'anna here logout Success',
    ];
    await until('the logins', 8000, () => told.length >= expected.length).catch(() => undefined);
    await stop();
    expect(told.map(describeLogin)).toEqual(expected);
    for (const payload of told) expect(checkPayload('Login', payload)).toBeUndefined();
    expect(problems).toEqual([]);
    const [key] = told;
    const [, , remotePort = ''] = /connection (\S+) (\d+) /u.exec(output) ?? [];
    expect(key).toMatchObject({ Executable: sandbox.sshd, UserId: '2001', RemotePort: remotePort });
    expect(told[8]?.ExtraDetails).toMatchObject({ CallerUserId: '2002' });
  });
});
