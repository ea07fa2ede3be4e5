import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReceivedMessage } from '../../local-hub/hub/local-hub.js';
import { Container, writeInto } from '../support/device/container.js';
import { desired, deviceId, Fixture, quick, startsOf } from '../support/running-agent.js';

const repository = join(import.meta.dirname, '..', '..');
const unit = 'iot-security-agent.service';
const etc = '/etc/iot-security-agent';

/** What the harness asks the host's kernel to record, because a container may read audit but not control it. */
const hostRule = ['-F', 'arch=b64', '-S', 'execve', '-F', 'success=1', '-k', 'unit-test'];

/** The same unit, impatient. */
const impatient = `[Service]
RestartSec=1
RestartSteps=0
WatchdogSec=8
TimeoutAbortSec=2
ExecStartPost=/usr/bin/node /srv/probe.mjs
`;

const watchedDirectories = '/etc /usr /var/lib /home /root /boot /run /sys /opt'.split(' ');

/** Runs in the sandbox, as the agent's user with the agent's rights, and notes what it could do. */
const probe = `
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const outcome = (action) => { try { action(); return 'done'; } catch (error) { return error.code; } };
const status = readFileSync('/proc/self/status', 'utf8');
const field = (name) => new RegExp('^' + name + ':\\\\s*(\\\\S+)', 'm').exec(status)?.[1];
const state = process.env.STATE_DIRECTORY;
writeFileSync(state + '/probe.json', JSON.stringify({
  uid: process.getuid(),
  effective: field('CapEff'), bounding: field('CapBnd'), ambient: field('CapAmb'),
  noNewPrivileges: field('NoNewPrivs'), seccomp: field('Seccomp'),
  writes: Object.fromEntries(${JSON.stringify(watchedDirectories)}.map(
    (directory) => [directory, outcome(() => writeFileSync(directory + '/probe', ''))])),
  hostname: outcome(() => writeFileSync('/proc/sys/kernel/hostname', 'probe')),
  ownProgram: outcome(() => appendFileSync('/usr/bin/iot-security-agent', '')),
  becomesRoot: outcome(() => process.setuid(0)),
  cache: outcome(() => mkdirSync(process.env.CACHE_DIRECTORY + '/probe', { recursive: true })),
  kernelLog: outcome(() => readFileSync('/dev/kmsg')),
}));
`;

let fixture: Fixture;
let container: Container;

beforeAll(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure({ disabledEvents: [] });
  fixture.hub.patchDesired(deviceId, desired(quick));
  const module = fixture.hub.registerModule(deviceId);
  execFileSync('auditctl', ['-e', '1']);
  execFileSync('auditctl', ['-a', 'always,exit', ...hostRule]);
  container = await Container.boot({
    binds: { [repository]: '/opt/iot-security-agent', [process.execPath]: '/usr/bin/node' },
    prepare: (root) => {
      for (const file of readdirSync(join(repository, 'systemd'))) {
        if (!/\.(service|socket)$/.test(file)) continue;
        writeInto(
          root,
          `/etc/systemd/system/${file}`,
          readFileSync(join(repository, 'systemd', file), 'utf8'),
        );
      }
      const bundle = '/opt/iot-security-agent/dist/iot-security-agent.cjs';
      symlinkSync(bundle, join(root, '/usr/bin/iot-security-agent'));
      writeInto(root, '/etc/sysusers.d/agent.conf', 'u iot-security-agent - "Security agent"\n');
      writeInto(root, '/etc/hosts', '127.0.0.1 localhost\n');
      writeInto(root, '/srv/probe.mjs', probe);
      writeInto(root, `/etc/systemd/system/${unit}.d/test.conf`, impatient);
      writeInto(root, `${etc}/module.key`, module.primaryKey, 0o600);
      copyFileSync(fixture.hub.caFile, join(root, etc, 'ca.pem'));
      const config = {
        identity: {
          hostName: module.hubName,
          deviceId,
          gatewayHostName: module.gatewayHostName,
          keyFile: `${etc}/module.key`,
        },
        trustedCaFile: `${etc}/ca.pem`,
        // A container may not set audit rules; those of the host count here.
        processSource: 'audit',
      };
      writeInto(root, `${etc}/agent.json`, JSON.stringify(config));
    },
  });
});

afterAll(async () => {
  await container.stop();
  execFileSync('auditctl', ['-d', 'always,exit', ...hostRule]);
  execFileSync('auditctl', ['-e', '0']);
  await fixture.close();
});

const seen = (mark: string) => (messages: readonly ReceivedMessage[]) =>
  [...startsOf(messages).keys()].some((line) => line.endsWith(mark));

const systemctl = (...args: readonly string[]): Promise<string> =>
  container.execute('systemctl', ...args);

const log = (): Promise<string> => container.execute('journalctl', '-u', unit, '-o', 'cat');

async function property(name: string): Promise<string> {
  return (await systemctl('show', unit, '-p', name, '--value')).trim();
}

/** How often the kernel says that it ended the agent for the memory of its unit. */
function endedForMemory(): number {
  const printed = execFileSync('dmesg', { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
  const ends = (line: string): boolean =>
    line.includes('oom-kill:constraint=CONSTRAINT_MEMCG') && line.includes(`/${unit},`);
  return printed.split('\n').filter(ends).length;
}

/** Polls; what it waits for takes seconds anyway. */
async function until(what: string, condition: () => Promise<boolean>, seconds = 40): Promise<void> {
  for (let waited = 0; waited < seconds * 4; waited++) {
    if (await condition()) return;
    await sleep(250);
  }
  throw new Error(`Not within ${seconds} s: ${what}. ${(await log()).slice(-3000)}`);
}

const isActive = async (): Promise<boolean> => (await property('ActiveState')) === 'active';

async function untilRestarted(restarts: number): Promise<void> {
  await until('a restart', async () => Number(await property('NRestarts')) > restarts);
  await until('active again', isActive);
}

/** A service that is not started again for as long as a restart would take. */
async function staysIn(state: string): Promise<void> {
  await until(`state ${state}`, async () => (await property('ActiveState')) === state);
  // Nothing is to happen in this time, which is more than twice that of a restart.
  await sleep(2_500);
  expect(await property('ActiveState')).toBe(state);
}

/** Read from outside: a program with the mark among its arguments would be an event too. */
function isJournaled(mark: string): boolean {
  const state = join(container.root, 'var/lib/iot-security-agent');
  return readdirSync(state, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(mark),
  );
}

describe('the systemd unit', () => {
  it('has an exposure of 2.2 or better in the analysis of systemd', async () => {
    const analysis = await container.execute('systemd-analyze', 'security', '--no-pager', unit);
    const exposure = /Overall exposure level.*: (\d+\.\d)/.exec(analysis)?.[1];
    expect(Number(exposure)).toBeLessThanOrEqual(2.2);
  });

  it('is ready without the hub having answered, on the audit socket that systemd hands over', async () => {
    await systemctl('start', unit);
    expect(await log()).toContain('ready');
    await fixture.hub.awaitTwin(
      deviceId,
      (twin) => JSON.stringify(twin.reported).includes('"audit-multicast"'),
      20_000,
    );
    await container.execute('/bin/echo', 'mark-in-the-unit');
    const messages = await fixture.hub.awaitMessages(seen('mark-in-the-unit'), 20_000);
    expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
    await until('a status line', async () =>
      (await property('StatusText')).startsWith('Connected'),
    );
  });

  it('can do in its sandbox what it needs and nothing else', async () => {
    const uid = Number(await container.execute('id', '-u', 'iot-security-agent'));
    const text = await container.execute('cat', '/var/lib/iot-security-agent/probe.json');
    // CAP_DAC_READ_SEARCH 2, CAP_NET_ADMIN 12, CAP_SYS_PTRACE 19, CAP_AUDIT_CONTROL 30, CAP_AUDIT_READ 37.
    const capabilities = '0000002040081004';
    const refused = expect.stringMatching(/^(EROFS|EACCES)$/) as string;
    const refusals = Object.fromEntries(
      watchedDirectories.map((directory) => [directory, refused]),
    );
    expect(JSON.parse(text)).toEqual({
      uid,
      effective: capabilities,
      bounding: capabilities,
      ambient: capabilities,
      noNewPrivileges: '1',
      seccomp: '2',
      writes: refusals,
      hostname: 'EROFS',
      ownProgram: refused,
      becomesRoot: 'EPERM',
      cache: 'done',
      kernelLog: 'ENOENT',
    });
  });

  it('connects with a key that its user cannot read on the disk', async () => {
    const as = ['--reuid=iot-security-agent', '--regid=iot-security-agent', '--clear-groups'];
    const reading = container.execute('setpriv', ...as, 'cat', `${etc}/module.key`);
    await expect(reading).rejects.toThrow('Permission denied');
    await expect(isActive()).resolves.toBe(true);
  });

  it('goes on telling the journal when that was stopped and started', async () => {
    const journal = 'systemd-journald.service';
    const pid = await property('MainPID');
    // Its sockets start it again as soon as somebody has something to say; what it had open is gone.
    await systemctl('stop', journal);
    const change = (key: string, value: string) =>
      fixture.hub.patchDesired(deviceId, desired({ ...quick, [key]: value }));
    const changed = async (): Promise<number> => (await log()).split('properties changed').length;
    change('aggregationIntervalProcessCreate', 'PT2S');
    // The agent writes to the log that there is a change, and then reports what is in force.
    await fixture.hub.awaitTwin(
      deviceId,
      ({ reported }) =>
        /"aggregationIntervalProcessCreate":\{"value":"PT2S"/.test(JSON.stringify(reported)),
      20_000,
    );
    await systemctl('start', journal);
    const gap = 'The log could not be written for a while: ';
    await until('the gap in the log', async () => (await log()).includes(gap));
    expect(await log()).toMatch(/for a while: .*\. Lines lost: 0; .* came late: [1-9]/);
    const before = await changed();
    change('aggregationIntervalProcessCreate', 'PT1S');
    await until('a further line', async () => (await changed()) > before);
    expect(await property('MainPID')).toBe(pid);
  });

  it('keeps what happens between a crash and the restart', async () => {
    const restarts = Number(await property('NRestarts'));
    await systemctl('kill', '--signal=KILL', unit);
    await container.execute('/bin/echo', 'mark-after-the-crash');
    await fixture.hub.awaitMessages(seen('mark-after-the-crash'), 30_000);
    await untilRestarted(restarts);
  });

  it('ends and restarts an agent that hangs, and not one that works', async () => {
    const restarts = Number(await property('NRestarts'));
    // Nothing is to happen in this time, which is longer than `WatchdogSec`.
    await sleep(12_000);
    expect(Number(await property('NRestarts'))).toBe(restarts);
    await systemctl('kill', '--kill-whom=main', '--signal=STOP', unit);
    await untilRestarted(restarts);
    expect(await log()).toContain('Watchdog timeout');
  });

  it('loses nothing that was journaled when the kernel ends it for its memory', async () => {
    await fixture.hub.stop();
    await container.execute('/bin/echo', 'mark-before-the-memory-ran-out');
    await until('journaled', () => Promise.resolve(isJournaled('mark-before-the-memory-ran-out')));
    await until('a status that says so', async () =>
      /Not connected.*events wait/.test(await property('StatusText')),
    );
    const endedBefore = endedForMemory();
    const dropIn = `/etc/systemd/system/${unit}.d/tight.conf`;
    writeInto(container.root, dropIn, '[Service]\nMemoryMax=24M\nMemorySwapMax=0\n');
    await systemctl('daemon-reload');
    await systemctl('kill', '--kill-whom=main', '--signal=KILL', unit);
    const restarts = Number(await property('NRestarts'));
    await until(
      'ended for its memory',
      async () => Number(await property('NRestarts')) > restarts + 1,
    );
    expect(endedForMemory()).toBeGreaterThan(endedBefore);
    await container.execute('rm', dropIn);
    await systemctl('daemon-reload');
    await until('active again', isActive);
    await fixture.startHub();
    await fixture.hub.awaitMessages(seen('mark-before-the-memory-ran-out'), 60_000);
  });

  it('stops in order, says so with its exit code, and nothing starts it again', async () => {
    await systemctl('stop', unit);
    await container.execute('/bin/echo', 'nothing-starts-it-again');
    await staysIn('inactive');
    expect(await property('Result')).toBe('success');
    expect(await property('ExecMainStatus')).toBe('0');
  });

  it.each([
    ['a half-written configuration', 'agent.json', '{"identity":'],
    ['a key that is none', 'module.key', 'no key'],
    ['an empty key file', 'module.key', ''],
  ])('is not restarted over %s, and says what is wrong', async (_, file, content) => {
    const path = `${etc}/${file}`;
    await container.execute('cp', '-a', path, '/root/good');
    writeInto(container.root, path, content);
    await systemctl('start', unit).catch(() => undefined);
    await staysIn('failed');
    expect(await property('ExecMainStatus')).toBe('78');
    expect(await log()).toContain(path);
    await container.execute('cp', '-a', '/root/good', path);
    await systemctl('reset-failed', unit);
  });

  it('names a missing credential, and is not restarted over it', async () => {
    await container.execute('mv', `${etc}/module.key`, '/root/module.key');
    await systemctl('start', unit).catch(() => undefined);
    await staysIn('failed');
    expect(await property('ExecMainStatus')).toBe('77');
    expect(await log()).toContain(`${etc}/module.key does not exist`);
    await container.execute('mv', '/root/module.key', `${etc}/module.key`);
  });

  it('waits for its configuration, and says what to do', async () => {
    await container.execute('mv', `${etc}/agent.json`, '/root/agent.json');
    await systemctl('reset-failed', unit);
    await systemctl('start', unit);
    await staysIn('inactive');
    expect(await log()).toContain('iot-security-agent enroll');
    await container.execute('mv', '/root/agent.json', `${etc}/agent.json`);
    await systemctl('start', unit);
    expect(await isActive()).toBe(true);
  });
});
