import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { doctor } from '../../../agent/commands/doctor.js';
import type { Finding } from '../../../agent/doctor/finding.js';
import { hindrance } from '../../../agent/doctor/own-connection.js';
import { tellByStatus, twinFinding } from '../../../agent/doctor/twin.js';
import { judge } from '../../../agent/status/health.js';
import type { TwinDialect } from '../../../config/twin-dialects.js';
import { configurationObjectName } from '../../../config/twin-settings.js';
import type { LocalHub, ReceivedMessage } from '../../../local-hub/hub/local-hub.js';
import { patiently, sdkClient, startHub, temporaryDirectory } from '../../support/hub-fixture.js';
import { soundFacts } from '../../support/status-facts.js';

const older = 'azureiot*com^securityAgentConfiguration^1*0*0';

describe('the form of a twin', () => {
  const form = (desired: object) =>
    twinFinding({ desired: { ...desired, $version: 3 }, reported: {} }, configurationObjectName);

  it('that this agent reads is well', () => {
    const found = form({ [configurationObjectName]: { snapshotFrequency: { value: 'PT1H' } } });
    expect(found.verdict).toBe('ok');
    expect(found.found).toContain('(desired version 3) and sets 1 in ms_iotn:');
  });

  it.each([
    [
      'had until July 2019',
      { [older]: { snapshotFrequency: 'PT1H' } },
      /in force from the object's name before July 2019, azureiot/,
    ],
    ['sets nothing', { unrelated: 1 }, /all defaults are in force/],
  ])('that %s is noted', (_, desired, expected) => {
    expect(form(desired).verdict).toBe('note');
    expect(form(desired).found).toMatch(expected);
  });

  it('is not read from what every object has', () => {
    const found = twinFinding({ desired: {}, reported: {} }, 'constructor');
    expect(found.found).toContain('has no constructor');
  });

  it('of the micro agent is well', () => {
    const found = form({ Process_Mode: 1, Baseline_Disabled: true });
    expect(found.verdict).toBe('ok');
    expect(found.found).toContain("holds 2 of the micro agent's settings");
  });
});

describe('the twin of an agent that runs', () => {
  const told = (dialect: TwinDialect) =>
    tellByStatus(
      judge({ ...soundFacts, twin: { dialect, desiredVersion: 7, problems: [] } }),
      false,
    )[0];

  it('that has only the early name of the object is noted', () => {
    expect(told('earlyContract')).toMatchObject({
      verdict: 'note',
      found: expect.stringContaining(older) as unknown,
    });
    expect(told('microAgent')?.verdict).toBe('ok');
    expect(told('contract')?.verdict).toBe('ok');
  });
});

describe('doctor at a hub', () => {
  let hub: LocalHub;
  let directory = '';
  let configFile = '';
  let messages: ReceivedMessage[] = [];

  beforeEach(async () => {
    hub = await startHub();
    directory = temporaryDirectory();
    configFile = join(directory, 'agent.json');
    const module = hub.registerModule('device-1');
    const keyFile = join(directory, 'key');
    writeFileSync(keyFile, `${module.primaryKey}\n`);
    chmodSync(keyFile, 0o600);
    mkdirSync(join(directory, 'run'));
    writeFileSync(
      configFile,
      JSON.stringify({
        identity: {
          hostName: module.hubName,
          deviceId: 'device-1',
          gatewayHostName: module.gatewayHostName,
          keyFile,
        },
        trustedCaFile: hub.caFile,
        stateDirectory: join(directory, 'state'),
        runtimeDirectory: join(directory, 'run'),
      }),
    );
    messages = [];
    hub.onMessage((message) => void messages.push(message));
  });

  const examine = async (send = false): Promise<ReadonlyMap<string, Finding>> => {
    let text = '';
    await doctor({ configFile, json: true, send, write: (line) => (text += line) });
    return new Map((JSON.parse(text) as Finding[]).map((finding) => [finding.check, finding]));
  };

  /** What an agent that runs has: its status, the connection, and the lock on its spool. */
  async function connectedAgent(): Promise<() => boolean> {
    const { connectionString } = hub.registerModule('device-1');
    const client = await sdkClient(hub, connectionString);
    let connected = true;
    client.on('disconnect', () => (connected = false));
    await client.open();
    return () => connected;
  }

  it('reads the twin, and sends nothing unasked', async () => {
    hub.patchDesired('device-1', { [configurationObjectName]: {} });
    const found = await examine();
    expect(found.get('twin')).toMatchObject({ verdict: 'ok' });
    expect(found.has('message')).toBe(false);
    expect(messages).toEqual([]);
  });

  it('sends a test message that the contract knows when it is asked to', async () => {
    expect((await examine(true)).get('message')).toMatchObject({ verdict: 'ok' });
    expect(messages).toHaveLength(1);
    const [message] = messages;
    expect(message?.problems).toEqual([]);
    expect(JSON.parse(message?.body ?? '')).toMatchObject({
      Events: [
        { Name: 'Diagnostic', EventType: 'Diagnostic', Payload: [{ Severity: 'Information' }] },
      ],
    });
  });

  it('tells a key that the hub refuses, once the way to it is well', async () => {
    hub.rollKeys('device-1');
    const found = await examine(true);
    expect(found.get('tls')).toMatchObject({ verdict: 'ok' });
    expect(found.get('twin')).toMatchObject({
      verdict: 'mend',
      found: expect.stringMatching(
        /refused the credentials of device-1\/azureiotsecurity/,
      ) as unknown,
    });
    expect(found.has('message')).toBe(false);
  });

  it('leaves the connection of a running agent alone, whose status answers for the twin', async () => {
    const isConnected = await connectedAgent();
    const status = judge({ ...soundFacts, agent: { ...soundFacts.agent, pid: process.pid } });
    const server = createServer((socket) => socket.end(JSON.stringify(status)));
    await new Promise<void>((done) => server.listen(join(directory, 'run', 'status.sock'), done));
    onTestFinished(() => void server.close());
    const found = await examine(true);
    expect(found.get('twin')).toMatchObject({
      verdict: 'ok',
      found: expect.stringMatching(
        /not read by doctor, because the agent runs \(pid \d+\) and two clients of one identity throw each other off; by its own status it has version 7/,
      ) as unknown,
    });
    expect(found.get('message')).toMatchObject({
      verdict: 'unknown',
      remedy: expect.stringContaining('systemctl stop') as unknown,
    });
    expect(messages).toEqual([]);
    expect(isConnected()).toBe(true);
  });

  it('leaves the connection of an agent alone that does not answer, but holds its spool', async () => {
    const isConnected = await connectedAgent();
    const stat = readFileSync(`/proc/${process.pid}/stat`, 'utf8');
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    mkdirSync(join(directory, 'state', 'spool'), { recursive: true });
    symlinkSync(`${process.pid} ${ticks} ${boot}`, join(directory, 'state', 'spool', 'lock'));
    expect((await examine()).get('twin')).toMatchObject({
      verdict: 'unknown',
      found: expect.stringContaining(
        `an agent that does not answer runs (pid ${process.pid})`,
      ) as unknown,
    });
    expect(isConnected()).toBe(true);
  });

  it(
    'does not connect beside an agent that it may not ask about',
    async () => {
      const { because } =
        (await hindrance({ unanswered: '', forbidden: true }, join(directory, 'spool'))) ?? {};
      expect(because).toMatch(/may be running/);
      // That the lock of one that died hinders nobody.
      mkdirSync(join(directory, 'spool'));
      symlinkSync('4194304 1 none', join(directory, 'spool', 'lock'));
      const gone = { unanswered: '', forbidden: false };
      expect(await hindrance(gone, join(directory, 'spool'))).toBeUndefined();
    },
    patiently.timeout,
  );
});
