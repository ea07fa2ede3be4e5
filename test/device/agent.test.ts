import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configurationObjectName } from '../../config/twin-settings.js';
import { SchemaCheck } from '../../local-hub/hub/schema-check.js';
import {
  auditctl,
  kernelState,
  startAuditd,
  startPrograms,
  until,
} from '../support/device/audit-support.js';
import { AuditedAgent, statusOf } from '../support/device/audited-agent.js';
import {
  agentBundle,
  deviceId,
  eventsOf,
  payloadsOf,
  startsOf,
  type Event,
} from '../support/running-agent.js';

let audited: AuditedAgent;

beforeEach(async () => {
  audited = new AuditedAgent();
  await audited.prepare();
});

afterEach(() => audited.close());

const armed = (): boolean => auditctl('-l').includes('iot-security-agent');
const once = (mark: string, count: number): ReadonlyMap<string, number> =>
  new Map(Array.from({ length: count }, (_, index) => [`${mark}-${index + 1}`, 1]));
const blindSeconds = (): number =>
  audited.status?.collectors['ProcessCreate']?.losses['blindSeconds'] ?? 0;

describe('the running agent on a real kernel', () => {
  it.each([
    ['counted together', true],
    ['told one by one', false],
  ])('accounts for 3,000 programs flat out, %s', async (_, aggregationEnabledProcessCreate) => {
    audited.set({ aggregationEnabledProcessCreate });
    await audited.start();
    await startPrograms('flat-out', 3_000);
    await audited.arrived('flat-out', 3_000, 30_000);
    expect(await audited.fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(audited.starts('flat-out')).toEqual(once('flat-out', 3_000));
    expect(audited.problems).toEqual([]);
    expect(audited.losses).toEqual([]);
    expect(kernelState()).toEqual(audited.kernelBefore);
  });

  it('lets an auditd that is started take over at its retry, and goes on seeing every program', async () => {
    await audited.start();
    const first = await startAuditd();
    await first.stop();
    expect(first.running).toBe(false);
    // As a unit with Restart=on-failure and no RestartSec: 100 ms apart, five starts at the most.
    let second = first;
    for (let start = 2; start <= 5 && !second.running; start++) {
      await sleep(100);
      second = await startAuditd();
    }
    try {
      expect(second.running).toBe(true);
      await audited.source('audit-multicast');
      await startPrograms('beside-auditd', 300);
      // As the unit of auditd does with the rules of /etc/audit/rules.d.
      auditctl('-D');
      auditctl('-b', '8192');
      await until('the rules to be set again', 5_000, armed);
      await startPrograms('after-its-rules', 300);
      await audited.arrived('beside-auditd', 300);
      await audited.arrived('after-its-rules', 300);
      await until('a diagnostic', 10_000, () =>
        /rules of this agent were/.test(audited.diagnostics),
      );
      await until('the blind time', 10_000, () => blindSeconds() > 0);
      expect(audited.starts('beside-auditd')).toEqual(once('beside-auditd', 300));
      expect(audited.starts('after-its-rules')).toEqual(once('after-its-rules', 300));
      expect(audited.problems).toEqual([]);
      expect(await audited.fixture.stopAgent()).toEqual({ code: 0, signal: null });
      expect(kernelState()).toMatchObject({
        rules: 'No rules',
        status: { enabled: '1', pid: String(second.pid) },
      });
    } finally {
      await second.stop();
    }
  });

  it('notices rules that others delete and audit that others switch off, repairs both, counts the time and tells the hub', async () => {
    await audited.start();
    auditctl('-D');
    await until('the rules', 5_000, armed);
    // What is less than a second apart is one series, in which each second is counted once: in this time nothing happens.
    await sleep(1_500);
    auditctl('-e', '0');
    await until('audit to be on', 5_000, () => kernelState().status['enabled'] === '1');
    await startPrograms('after-repair', 20);
    await audited.arrived('after-repair', 20);
    await until(
      'both diagnostics',
      15_000,
      () => /deleted/.test(audited.diagnostics) && /switched off/.test(audited.diagnostics),
    );
    await until('the blind time', 10_000, () => blindSeconds() >= 2);
    expect(audited.problems).toEqual([]);
    await audited.fixture.stopAgent();
    expect(kernelState()).toEqual(audited.kernelBefore);
  });

  it('takes its rules out of the kernel within 2 s when it is switched off, and sets them again', async () => {
    await audited.start();
    // Whoever is still starting is stopped when it has started.
    await until('all collectors to run', 15_000, () =>
      ['ConnectionCreate', 'Login', 'FileChange', 'StateChange'].every(
        (name) => audited.status?.collectors[name]?.state === 'running',
      ),
    );
    audited.set({
      eventPriorityProcessCreate: 'Off',
      eventPriorityConnectionCreate: 'Off',
      eventPriorityLogin: 'Off',
      eventPriorityFileChange: 'Off',
      eventPriorityStateChange: 'Off',
    });
    await until('no rules', 2_000, () => !armed());
    // The values are taken back one after the other, the ownership last.
    await until('audit as before', 2_000, () => kernelState().status['pid'] === '0');
    expect(kernelState()).toEqual(audited.kernelBefore);
    audited.set({ eventPriorityProcessCreate: 'Low' });
    await until('the rules', 2_000, armed);
    await audited.source('audit-owner');
    await startPrograms('on-again', 5);
    await audited.arrived('on-again', 5);
  });

  it('loses nothing while the hub is gone, keeps the order, and reads the twin again', async () => {
    audited.set({ aggregationEnabledProcessCreate: false });
    await audited.start();
    await startPrograms('hub-here', 50);
    await audited.arrived('hub-here', 50);
    const received = [...audited.fixture.hub.messages];
    await audited.fixture.hub.stop();
    await startPrograms('hub-gone', 200);
    await audited.journaled('hub-gone', 200);
    await until('an attempt to connect that failed', 30_000, () =>
      audited.fixture.log.some((line) => /failedAttempts=[1-9]/.test(line)),
    );
    await startPrograms('hub-late', 200);
    await audited.fixture.startHub();
    audited.set({ snapshotFrequency: 'PT2H' });
    await audited.arrived('hub-late', 200, 60_000);
    received.push(...audited.fixture.hub.messages);
    // At least once: what was on its way when the hub went may come again, under the same id.
    const events = new Map(eventsOf(received).map((event) => [event.Id, event]));
    const order = [...events.values()]
      .flatMap(({ Payload }) => Payload)
      .flatMap(({ CommandLine }) => /^\/bin\/true (hub-.+)$/.exec(String(CommandLine))?.[1] ?? []);
    expect(order).toEqual([
      ...once('hub-here', 50).keys(),
      ...once('hub-gone', 200).keys(),
      ...once('hub-late', 200).keys(),
    ]);
    await audited.fixture.hub.awaitTwin(
      deviceId,
      ({ reported }) =>
        (reported as Record<string, Record<string, { value: unknown }>>)[configurationObjectName]?.[
          'snapshotFrequency'
        ]?.value === 'PT2H',
      10_000,
    );
    expect(await audited.fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(audited.losses).toEqual([]);
  });

  it('after a SIGKILL goes on with what it had, and in the end leaves audit as it was before the first start', async () => {
    audited.set({
      aggregationIntervalProcessCreate: 'PT1H',
      lowPriorityMessageFrequency: 'PT1H',
    });
    await audited.start();
    await startPrograms('killed', 300);
    await audited.journaled('killed', 300);
    await audited.fixture.killAgent();
    const [, killedPid] = /pid!=(\d+)/.exec(auditctl('-l')) ?? [];
    await audited.fixture.startAgent();
    expect(auditctl('-l')).not.toContain(`pid!=${killedPid}`);
    await startPrograms('killed', 300);
    expect(await audited.fixture.stopAgent()).toEqual({ code: 0, signal: null });
    const aggregates = payloadsOf(audited.fixture.hub.messages, 'ProcessCreate').filter(
      ({ CommandLine }) => String(CommandLine).startsWith('/bin/true killed-'),
    );
    expect(aggregates).toHaveLength(300);
    expect(new Set(aggregates.map(({ ExtraDetails }) => ExtraDetails?.['HitCount']))).toEqual(
      new Set(['2']),
    );
    expect(audited.problems).toEqual([]);
    expect(kernelState()).toEqual(audited.kernelBefore);
  });

  it('after a SIGKILL takes back what it changed also when it uses audit no more', async () => {
    // The other collectors would use audit all the same.
    audited.set({ eventPriorityConnectionCreate: 'Off', eventPriorityLogin: 'Off' });
    await audited.start();
    await until('the others to be off', 5_000, () =>
      ['ConnectionCreate', 'Login'].every(
        (name) => audited.status?.collectors[name]?.state === 'off',
      ),
    );
    // What the twin says is stored before the next start.
    await sleep(500);
    await audited.fixture.killAgent();
    audited.fixture.configure({ processSource: 'polling' });
    await audited.fixture.startAgent();
    expect(kernelState()).toEqual(audited.kernelBefore);
  });

  it('runs without root on a fallback, and says in log and twin what is missing', async () => {
    const { fixture } = audited;
    execFileSync('chmod', ['-R', 'a+rX', join(fixture.directory, 'hub')]);
    execFileSync('chown', ['-R', '65534:65534', fixture.directory]);
    const identity = ['--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all'];
    const command = [process.execPath, agentBundle, 'run', '--config', fixture.configFile];
    const agent = spawn('setpriv', [...identity, ...command], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    for (const stream of [agent.stdout, agent.stderr]) {
      stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
    }
    const ended = new Promise<number | null>((resolve) => agent.once('exit', resolve));
    try {
      const twin = await fixture.hub.awaitTwin(
        deviceId,
        (now) => statusOf(now)?.collectors['ProcessCreate']?.source !== undefined,
        20_000,
      );
      const { source, limitation } = statusOf(twin)?.collectors['ProcessCreate'] ?? {};
      expect(source).toMatch(/^(proc-connector|polling)$/);
      expect(limitation).toContain('CAP_AUDIT_READ');
      expect(log).toContain('CAP_AUDIT_READ');
    } finally {
      agent.kill('SIGTERM');
    }
    expect(await ended).toBe(0);
    expect(kernelState()).toEqual(audited.kernelBefore);
  });
});

describe('npm start', () => {
  it('prints every program that was started as valid security messages, and nothing else', async () => {
    const repository = join(import.meta.dirname, '..', '..');
    const child = spawn('npm', ['start', '--', '--seconds', '12', '--json'], {
      cwd: repository,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
    await until('ready', 60_000, () => output.stderr.includes('ready'));
    await startPrograms('distinct', 200);
    expect(await ended).toBe(0);
    const schema = new SchemaCheck();
    const messages = output.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { Events: Event[] });
    expect(messages.flatMap((message) => schema.problems(message))).toEqual([]);
    const received = messages.map((json) => ({ json })) as never;
    const starts = [...startsOf(received)].filter(([line]) =>
      line.startsWith('/bin/true distinct-'),
    );
    expect(starts).toHaveLength(200);
    expect(starts.every(([, hits]) => hits === 1)).toBe(true);
    // Of this checkout: another one on the machine is somebody else's process.
    expect(output.stdout.includes(join(repository, 'dist', 'iot-security-agent.cjs'))).toBe(false);
    expect(kernelState()).toEqual(audited.kernelBefore);
  });
});
