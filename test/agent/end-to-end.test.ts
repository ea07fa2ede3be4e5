import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configurationObjectName } from '../../config/twin-settings.js';
import {
  agentBundle,
  desired,
  deviceId,
  Fixture,
  payloadsOf,
  quick,
  runCommandLine,
  startMarked,
  startsOf,
} from '../support/running-agent.js';

let fixture: Fixture;

beforeEach(async () => {
  fixture = new Fixture();
  await fixture.startHub();
  fixture.configure({ disabledEvents: [], detection: true });
  fixture.hub.patchDesired(deviceId, desired(quick));
});

afterEach(() => fixture.close());

type Reported = Record<string, { value: unknown } | undefined>;

const configurationOf = (twin: { reported: object }): Reported =>
  ((twin.reported as Record<string, unknown>)[configurationObjectName] ?? {}) as Reported;

interface AgentStatus {
  desiredVersion: number;
  rejected: Record<string, string>;
  collectors: Record<string, { state: string; source?: string; limitation?: string }>;
}

const statusOf = (twin: { reported: object }): AgentStatus | undefined =>
  (twin.reported as Record<string, unknown>)['agentStatus'] as AgentStatus | undefined;

/** An argument that no other program on this machine has, such as those of the same test in another checkout. */
const markOf = (name: string): string => `mark-${name}-of-${process.pid}`;

const seen = (mark: string) => (messages: Parameters<typeof startsOf>[0]) =>
  [...startsOf(messages).keys()].some((line) => line.includes(mark));

describe('the running agent', () => {
  it('sends what happens on this machine as valid security messages, and nothing of itself', async () => {
    await fixture.startAgent();
    const mark = markOf('first-light');
    await startMarked(mark);
    const messages = await fixture.hub.awaitMessages(
      (all) => seen(mark)(all) && payloadsOf(all, 'ListeningPorts').length > 0,
      10_000,
    );
    for (const message of messages) {
      expect(message.problems).toEqual([]);
      expect(message.systemProperties).toEqual({
        '$.mid': expect.any(String) as string,
        '$.ct': 'application/json',
        '$.ce': 'utf-8',
      });
      expect(['High', 'Low']).toContain(message.properties['MessagePriority']);
    }
    expect(startsOf(messages).get(`/bin/sh -c sleep 1; : "$0" ${mark}`)).toBe(1);
    const listening = payloadsOf(messages, 'ListeningPorts');
    expect(listening).toContainEqual(
      expect.objectContaining({
        Protocol: 'tcp',
        LocalAddress: '127.0.0.1',
        LocalPort: String(fixture.hub.port),
        RemotePort: '*',
      }),
    );
    // By its directory: agents of other tests run beside it.
    expect([...startsOf(messages).keys()].join('\n')).not.toContain(fixture.directory);
    const { reported } = await fixture.hub.awaitTwin(
      deviceId,
      (twin) => JSON.stringify(twin.reported).includes('"scorePercent"'),
      10_000,
    );
    expect(reported['securityPosture']).toMatchObject({
      baseline: { state: 'known', judged: expect.any(Number) as number },
      listeners: { state: 'known', anyAddressTcp: expect.any(Number) as number },
      users: { state: 'known', shellAndPassword: expect.any(Number) as number },
      agent: { health: expect.any(String) as string },
    });
  });

  it('tells an alert at once, however long the interval is, and says so in its status', async () => {
    const interval = 'PT5H';
    fixture.hub.patchDesired(
      deviceId,
      desired({ highPriorityMessageFrequency: interval, lowPriorityMessageFrequency: interval }),
    );
    await fixture.startAgent();
    await fixture.hub.awaitTwin(
      deviceId,
      (twin) => configurationOf(twin)['highPriorityMessageFrequency']?.value === interval,
      10_000,
    );
    const mark = markOf('echo cpuminer-multi');
    await startMarked(mark);
    // Other programs on the machine may raise alerts of their own.
    const isAlert = (payload: ReturnType<typeof payloadsOf>[number]): boolean =>
      payload.ExtraDetails?.['AlertType'] === 'IoT_CryptoMiner' &&
      String(payload['CommandLine']).includes(mark);
    const messages = await fixture.hub.awaitMessages(
      (all) => payloadsOf(all, 'ProcessCreate').some(isAlert),
      10_000,
    );
    const alerts = payloadsOf(messages, 'ProcessCreate').filter(isAlert);
    expect(alerts).toEqual([
      expect.objectContaining({
        CommandLine: expect.stringContaining(mark) as string,
        ExtraDetails: expect.objectContaining({
          AlertSeverity: 'High',
          RuleSource: 'builtin',
        }) as object,
      }),
    ]);
    expect(messages.at(-1)).toMatchObject({
      properties: { MessagePriority: 'High' },
      problems: [],
    });
    const { stdout } = await runCommandLine(['status', '--config', fixture.configFile]);
    expect(stdout).toMatch(/^Detection {3}\d+ rules .*\d alerts? since the start, the last/m);
  });

  it('follows a twin of the micro agent, and says so wherever it is asked', async () => {
    fixture.hub.patchDesired(deviceId, {
      [configurationObjectName]: null,
      CollectorsCore_PriorityIntervals: '1,2,60',
      Process_Disabled: true,
      Process_Mode: 'fast',
    });
    await fixture.startAgent();
    const twin = await fixture.hub.awaitTwin(
      deviceId,
      ({ reported }) => JSON.stringify(reported).includes('"state":"off"'),
      10_000,
    );
    expect(twin.reported).toMatchObject({
      latest_state: 'failed',
      latest_invalid_fields: ['Process_Mode'],
      agentStatus: { twinDialect: 'microAgent', collectors: { ProcessCreate: { state: 'off' } } },
    });
    expect(configurationOf(twin)['lowPriorityMessageFrequency']).toEqual({ value: 'PT2M' });
    const { stdout } = await runCommandLine(['status', '--config', fixture.configFile]);
    expect(stdout).toContain("with the micro agent's settings");
    expect(stdout).toContain('rejected: Process_Mode: Process_Mode is "fast"');
  });

  it('collects nothing that its owner has switched off, whatever the twin asks for', async () => {
    fixture.configure({ disabledEvents: ['ListeningPorts', 'Login'] });
    fixture.hub.patchDesired(deviceId, desired({ eventPriorityListeningPorts: 'High' }));
    await fixture.startAgent();
    const mark = markOf('owners-say');
    await startMarked(mark);
    const messages = await fixture.hub.awaitMessages(
      (all) => seen(mark)(all) && payloadsOf(all, 'ConfigurationError').length > 0,
      10_000,
    );
    expect(payloadsOf(messages, 'ListeningPorts')).toEqual([]);
    const errors = payloadsOf(messages, 'ConfigurationError');
    expect(
      errors.map(({ ConfigurationName, ErrorType }) => [ConfigurationName, ErrorType]),
    ).toEqual([['eventPriorityListeningPorts', 'Conflict']]);
    const twin = await fixture.hub.awaitTwin(
      deviceId,
      ({ reported }) => JSON.stringify(reported).includes('disabledByOwner'),
      10_000,
    );
    expect(configurationOf(twin)['eventPriorityListeningPorts']).toEqual({ value: 'Off' });
    expect(statusOf(twin)).toMatchObject({
      disabledByOwner: { ListeningPorts: true, Login: true },
      collectors: { ListeningPorts: { state: 'off' }, Login: { state: 'off' } },
    });
    expect(twin.reported['securityPosture']).not.toHaveProperty('listeners');
  });

  it('follows its twin while it runs, and reports values as they were written', async () => {
    await fixture.startAgent();
    await fixture.hub.awaitTwin(
      deviceId,
      (twin) => configurationOf(twin)['snapshotFrequency']?.value === 'PT1H',
      10_000,
    );
    const changed = Date.now();
    fixture.hub.patchDesired(deviceId, desired({ aggregationIntervalProcessCreate: 'PT1.5S' }));
    const twin = await fixture.hub.awaitTwin(
      deviceId,
      (now) => configurationOf(now)['aggregationIntervalProcessCreate']?.value === 'PT1.5S',
      10_000,
    );
    expect(Date.now() - changed).toBeLessThan(2_000);
    expect(configurationOf(twin)['snapshotFrequency']).toEqual({ value: 'PT1H' });
    expect(configurationOf(twin)['highPriorityMessageFrequency']).toEqual({ value: 'PT1S' });
  });

  it('rejects a bad value alone, keeps the last good one, and says so in twin and events', async () => {
    await fixture.startAgent();
    await fixture.hub.awaitTwin(deviceId, (now) => statusOf(now)?.desiredVersion === 2, 10_000);
    fixture.hub.patchDesired(
      deviceId,
      desired({ aggregationIntervalProcessCreate: 'soon', maxMessageSizeInBytes: 8192 }),
    );
    const twin = await fixture.hub.awaitTwin(
      deviceId,
      (now) => statusOf(now)?.rejected['aggregationIntervalProcessCreate'] !== undefined,
      10_000,
    );
    expect(configurationOf(twin)['aggregationIntervalProcessCreate']).toEqual({ value: 'PT1S' });
    expect(configurationOf(twin)['maxMessageSizeInBytes']).toEqual({ value: 8192 });
    const messages = await fixture.hub.awaitMessages(
      (all) => payloadsOf(all, 'ConfigurationError').length > 0,
      10_000,
    );
    expect(payloadsOf(messages, 'ConfigurationError')).toEqual([
      expect.objectContaining({
        ConfigurationName: 'aggregationIntervalProcessCreate',
        ErrorType: 'TypeMismatch',
        UsedConfiguration: 'PT1S',
      }),
    ]);
    expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
  });

  it('stops a collector that is switched off, and tells the source of one that runs', async () => {
    await fixture.startAgent();
    const source = await fixture.hub.awaitTwin(
      deviceId,
      (twin) => statusOf(twin)?.collectors['ProcessCreate']?.source === 'polling',
      10_000,
    );
    expect(statusOf(source)?.collectors['ProcessCreate']?.limitation).toContain('PT0.1S');
    fixture.hub.patchDesired(deviceId, desired({ eventPriorityProcessCreate: 'off' }));
    const off = await fixture.hub.awaitTwin(
      deviceId,
      (twin) => statusOf(twin)?.collectors['ProcessCreate']?.state === 'off',
      2_000,
    );
    expect(configurationOf(off)['eventPriorityProcessCreate']).toEqual({ value: 'Off' });
  });

  it('tells its own statistics at the pace of the snapshots, as valid events', async () => {
    fixture.hub.patchDesired(deviceId, desired({ snapshotFrequency: 'PT1S' }));
    await fixture.startAgent();
    const messages = await fixture.hub.awaitMessages(
      (all) =>
        payloadsOf(all, 'DroppedEventsStatistics').length > 0 &&
        payloadsOf(all, 'MessageStatistics').some(({ MessagesSent }) => Number(MessagesSent) > 0),
      15_000,
    );
    expect(messages.flatMap(({ problems }) => problems)).toEqual([]);
    const [first] = payloadsOf(messages, 'DroppedEventsStatistics');
    expect(first).toMatchObject({ Queue: 'High', DroppedEvents: 0 });
    expect(Number(first?.['CollectedEvents'])).toBeGreaterThan(0);
  });

  it('loses nothing while the hub is away, keeps the order, and reads the twin again', async () => {
    fixture.hub.patchDesired(deviceId, desired({ aggregationEnabledProcessCreate: false }));
    await fixture.startAgent();
    await startMarked(markOf('0'));
    await fixture.hub.awaitMessages(seen(markOf('0')), 10_000);
    const before = [...fixture.hub.messages];
    await fixture.hub.stop();
    for (const n of [1, 2, 3, 4]) await startMarked(markOf(`${n}`));
    await fixture.startHub();
    fixture.hub.patchDesired(deviceId, desired({ snapshotFrequency: 'PT2H' }));
    await fixture.hub.awaitTwin(
      deviceId,
      (twin) => configurationOf(twin)['snapshotFrequency']?.value === 'PT2H',
      15_000,
    );
    await startMarked(markOf('5'));
    await fixture.hub.awaitMessages(seen(markOf('5')), 15_000);
    const marks = [...startsOf([...before, ...fixture.hub.messages]).keys()].flatMap(
      (line) => /^\/bin\/sh.*(mark-\d-of-\d+)$/.exec(line)?.[1] ?? [],
    );
    const ours = marks.filter((mark) => mark.endsWith(`-of-${process.pid}`));
    expect(ours).toEqual(['0', '1', '2', '3', '4', '5'].map(markOf));
  });

  it('after a SIGKILL everything journaled arrives, and open aggregates go on', async () => {
    fixture.hub.patchDesired(
      deviceId,
      desired({ aggregationIntervalProcessCreate: 'PT1H', lowPriorityMessageFrequency: 'PT1H' }),
    );
    await fixture.startAgent();
    await fixture.hub.awaitTwin(deviceId, (twin) => statusOf(twin) !== undefined, 10_000);
    const mark = markOf('before-the-kill');
    await startMarked(mark, 4);
    await fixture.killAgent();
    await fixture.startAgent();
    await startMarked(mark, 4);
    expect(await fixture.stopAgent()).toMatchObject({ code: 0 });
    expect(startsOf(fixture.hub.messages).get(`/bin/sh -c sleep 4; : "$0" ${mark}`)).toBe(2);
    const aggregates = payloadsOf(fixture.hub.messages, 'ProcessCreate').filter(({ CommandLine }) =>
      String(CommandLine).endsWith(mark),
    );
    expect(aggregates).toHaveLength(1);
  });

  it('sends what it has when it is asked to stop, and exits with 0', async () => {
    fixture.hub.patchDesired(
      deviceId,
      desired({ aggregationIntervalProcessCreate: 'PT1H', lowPriorityMessageFrequency: 'PT5H' }),
    );
    await fixture.startAgent();
    await fixture.hub.awaitTwin(deviceId, (twin) => statusOf(twin) !== undefined, 10_000);
    await startMarked(markOf('last'), 1);
    expect(await fixture.stopAgent()).toEqual({ code: 0, signal: null });
    expect(seen(markOf('last'))(fixture.hub.messages)).toBe(true);
  });

  it('starts without a hub on the settings it had last', async () => {
    await fixture.startAgent();
    await fixture.hub.awaitTwin(deviceId, (twin) => statusOf(twin) !== undefined, 10_000);
    await fixture.stopAgent();
    await fixture.hub.stop();
    await fixture.startAgent();
    await startMarked(markOf('offline'), 1.5);
    await fixture.startHub();
    const messages = await fixture.hub.awaitMessages(seen(markOf('offline')), 15_000);
    const [hit] = payloadsOf(messages, 'ProcessCreate').filter(({ CommandLine }) =>
      String(CommandLine).endsWith(markOf('offline')),
    );
    const { StartTimeUtc = '', EndTimeUtc = '' } = hit?.ExtraDetails ?? {};
    // The default would be an hour.
    expect(Date.parse(EndTimeUtc) - Date.parse(StartTimeUtc)).toBeLessThan(5_000);
  });

  it('goes on when nobody reads its log any more', async () => {
    const child = spawn(process.execPath, [agentBundle, 'run', '--config', fixture.configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    await once(child.stderr, 'data');
    child.stderr.destroy();
    child.stdout.destroy();
    const mark = markOf('unread-log');
    const started = fixture.hub.awaitMessages((all) => all.length > 0, 10_000);
    await Promise.race([started, ended]);
    await startMarked(mark);
    await fixture.hub.awaitMessages(seen(mark), 10_000);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});
