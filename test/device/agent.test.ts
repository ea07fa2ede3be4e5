import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SchemaCheck } from '../../local-hub/schema-check.js';
import {
  agentBundle,
  desired,
  deviceId,
  eventsOf,
  Fixture,
  payloadsOf,
  quick,
  startsOf,
  type Event,
} from '../support/running-agent.js';
import { auditctl, kernelState, startAuditd, startPrograms, until } from './audit-support.js';

const repository = join(import.meta.dirname, '..', '..');

let fixture: Fixture;
let original: ReturnType<typeof kernelState>;
let before: ReturnType<typeof kernelState>;

beforeEach(async () => {
  original = kernelState();
  auditctl('-e', '0');
  before = kernelState();
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure({ processSource: 'auto', audit: { own: 'auto' } });
  fixture.hub.patchDesired(deviceId, desired(quick));
});

afterEach(async () => {
  await fixture.close();
  restoreAudit();
});

/** The machine is left as it was also when a test failed. */
function restoreAudit(): void {
  auditctl('-D');
  for (const [option, name] of [
    ['-b', 'backlog_limit'],
    ['--backlog_wait_time', 'backlog_wait_time'],
    ['-e', 'enabled'],
  ] as const) {
    auditctl(option, original.status[name] ?? '0');
  }
}

/** How often each of the marked programs is accounted for. */
function found(mark: string): number[] {
  return [...startsOf(fixture.hub.messages)]
    .filter(([line]) => line.startsWith(`/bin/true ${mark}-`))
    .map(([, hits]) => hits);
}

const arrived = (mark: string, count: number, limitMs: number): Promise<unknown> =>
  until(`${count} programs`, limitMs, () => found(mark).length >= count);

interface Status {
  readonly collectors: Record<string, { source?: string; losses: Record<string, number> }>;
  readonly losses: Record<string, Record<string, number>>;
}
const statusOf = (reported: object): Status | undefined =>
  (reported as { agentStatus?: Status }).agentStatus;
const status = (): Status | undefined => statusOf(fixture.hub.readTwin(deviceId).reported);

const source = (name: string): Promise<unknown> =>
  fixture.hub.awaitTwin(
    deviceId,
    ({ reported }) => statusOf(reported)?.collectors['ProcessCreate']?.source === name,
    15_000,
  );

const noDuplicates = (): void => {
  const ids = eventsOf(fixture.hub.messages).map(({ Id }) => Id);
  expect(new Set(ids).size).toBe(ids.length);
};

describe('the running agent on a real kernel', () => {
  it.each([
    ['counted together', true],
    ['told one by one', false],
  ])('accounts for 3,000 programs flat out, %s', async (_, aggregated) => {
    fixture.hub.patchDesired(deviceId, desired({ aggregationEnabledProcessCreate: aggregated }));
    await fixture.startAgent();
    await source('audit-owner');
    await startPrograms('flat-out', 3_000);
    await arrived('flat-out', 3_000, 30_000);
    expect(found('flat-out').every((hits) => hits === 1)).toBe(true);
    expect(found('flat-out')).toHaveLength(3_000);
    noDuplicates();
    // Programs of others may be too large to be hashed, or have long command lines.
    const losses = Object.keys(status()?.collectors['ProcessCreate']?.losses ?? {});
    expect(losses.filter((cause) => !/^(hashSkipped|commandLineCut)$/.test(cause))).toEqual([]);
    expect(fixture.hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
    expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(kernelState()).toEqual(before);
  });

  it('lets an auditd that is started take over, and goes on seeing every program', async () => {
    await fixture.startAgent();
    await source('audit-owner');
    const first = await startAuditd();
    await first.stop();
    expect(first.running).toBe(false);
    await source('audit-multicast');
    const second = await startAuditd();
    try {
      expect(second.running).toBe(true);
      auditctl('-D');
      await until('the rules to be set again', 5_000, () =>
        auditctl('-l').includes('iot-security-agent'),
      );
      await startPrograms('beside-auditd', 300);
      await arrived('beside-auditd', 300, 15_000);
    } finally {
      await second.stop();
    }
  });

  it('notices rules that others delete and audit that others switch off, repairs both and tells the hub', async () => {
    await fixture.startAgent();
    await source('audit-owner');
    auditctl('-D');
    await until('the rules', 5_000, () => auditctl('-l').includes('iot-security-agent'));
    auditctl('-e', '0');
    await until('audit to be on', 5_000, () => kernelState().status['enabled'] === '1');
    await startPrograms('after-repair', 20);
    await arrived('after-repair', 20, 15_000);
    const told = (): string =>
      payloadsOf(fixture.hub.messages, 'Diagnostic')
        .map(({ Message }) => String(Message))
        .join('\n');
    await until('both diagnostics', 15_000, () => /deleted/.test(told()) && /off/.test(told()));
    expect(fixture.hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
    await fixture.stopAgent();
    expect(kernelState()).toEqual(before);
  });

  it('takes its rules out of the kernel within 2 s when it is switched off, and sets them again', async () => {
    await fixture.startAgent();
    await source('audit-owner');
    fixture.hub.patchDesired(deviceId, desired({ eventPriorityProcessCreate: 'Off' }));
    await until('no rules', 2_000, () => !auditctl('-l').includes('execve'));
    fixture.hub.patchDesired(deviceId, desired({ eventPriorityProcessCreate: 'Low' }));
    await until('the rules', 5_000, () => auditctl('-l').includes('execve'));
    await startPrograms('on-again', 5);
    await arrived('on-again', 5, 15_000);
  });

  it('loses nothing while the hub is gone, and keeps the order', async () => {
    fixture.hub.patchDesired(deviceId, desired({ aggregationEnabledProcessCreate: false }));
    await fixture.startAgent();
    await source('audit-owner');
    const kept: Event[] = [];
    await startPrograms('hub-here', 50);
    await arrived('hub-here', 50, 15_000);
    kept.push(...eventsOf(fixture.hub.messages));
    await fixture.hub.stop();
    await startPrograms('hub-gone', 200);
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    await startPrograms('hub-late', 200);
    await fixture.startHub();
    await arrived('hub-late', 200, 60_000);
    kept.push(...eventsOf(fixture.hub.messages));
    const once = [...new Map(kept.map((event) => [event.Id, event])).values()];
    const order = once
      .flatMap(({ Payload }) => Payload)
      .flatMap(
        ({ CommandLine }) => /^\/bin\/true (hub-\w+-\d+)$/.exec(String(CommandLine))?.[1] ?? [],
      );
    const expected = [
      ...Array.from({ length: 50 }, (_, n) => `hub-here-${n + 1}`),
      ...Array.from({ length: 200 }, (_, n) => `hub-gone-${n + 1}`),
      ...Array.from({ length: 200 }, (_, n) => `hub-late-${n + 1}`),
    ];
    expect(order).toEqual(expected);
  });

  it('after a SIGKILL goes on with what it had, and in the end leaves audit as it was before the first start', async () => {
    fixture.hub.patchDesired(
      deviceId,
      desired({ aggregationIntervalProcessCreate: 'PT1H', lowPriorityMessageFrequency: 'PT1H' }),
    );
    await fixture.startAgent();
    await source('audit-owner');
    await startPrograms('killed', 300);
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await fixture.killAgent();
    await fixture.startAgent();
    await startPrograms('killed', 300);
    expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(found('killed')).toHaveLength(300);
    // Hit counts of the last 10 s before a crash may be lost, the first sight of each program never is.
    expect(found('killed').every((hits) => hits === 2)).toBe(true);
    expect(kernelState()).toEqual(before);
  });

  it('stops on SIGINT as on SIGTERM while the hub acknowledges nothing, within 10 s', async () => {
    await fixture.startAgent();
    await source('audit-owner');
    fixture.hub.faults.withholdAcknowledgements = true;
    await startPrograms('unacknowledged', 5);
    expect(await fixture.stopAgent('SIGINT')).toEqual({ code: 0, signal: null });
    expect(kernelState()).toEqual(before);
  });

  it('cuts command lines of every kind, tells what they were, and is blocked by none', async () => {
    await fixture.startAgent();
    await source('audit-owner');
    const long = 'x'.repeat(100_000);
    const arguments_ = ['long-ones', ...Array.from({ length: 12 }, () => long)];
    execFileSync('/bin/true', arguments_);
    execFileSync('/bin/true', [
      'odd-ones',
      'line\nfeed',
      '\u001b[31m',
      '\u202eabc',
      '"quoted" \'it\'',
    ]);
    await startPrograms('after-long', 3);
    await arrived('after-long', 3, 15_000);
    const lines = payloadsOf(fixture.hub.messages, 'ProcessCreate');
    const cut = lines.find(({ CommandLine }) => String(CommandLine).includes('long-ones'));
    expect(String(cut?.['CommandLine'])).toHaveLength(8192);
    expect(cut?.ExtraDetails?.['CommandLineSizeBytes']).toBe(
      String('/bin/true'.length + arguments_.join(' ').length + 1),
    );
    expect(cut?.ExtraDetails?.['CommandLineSha256']).toMatch(/^[0-9a-f]{64}$/);
    const odd = lines.find(({ CommandLine }) => String(CommandLine).includes('odd-ones'));
    expect(odd?.['CommandLine']).toBe(
      '/bin/true odd-ones line\nfeed \u001b[31m \u202eabc "quoted" \'it\'',
    );
    expect(fixture.hub.messages.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('runs without root on a fallback, and says what is missing', async () => {
    execFileSync('chmod', ['-R', 'a+rX', join(fixture.directory, 'hub')]);
    execFileSync('chown', ['-R', '65534:65534', fixture.directory]);
    const agent = spawn(
      'setpriv',
      [
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
        '--bounding-set=-all',
        process.execPath,
        agentBundle,
        'run',
        '--config',
        fixture.configFile,
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    try {
      const { reported } = await fixture.hub.awaitTwin(
        deviceId,
        (twin) => statusOf(twin.reported)?.collectors['ProcessCreate']?.source !== undefined,
        20_000,
      );
      const text = JSON.stringify(statusOf(reported)?.collectors['ProcessCreate']);
      expect(text).toMatch(/proc-connector|polling/);
      expect(text).toMatch(/CAP_AUDIT/);
    } finally {
      agent.kill('SIGTERM');
      await new Promise((resolve) => agent.once('exit', resolve));
    }
  });
});

describe('npm start', () => {
  it('prints every program that was started as valid security messages, and nothing else', async () => {
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
    const own = join(repository, 'dist', 'iot-security-agent.cjs');
    expect(output.stdout.includes(own)).toBe(false);
    expect(kernelState()).toEqual(before);
  });
});
