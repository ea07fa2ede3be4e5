import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutgoingMessage } from '../../../agent/hub/message.js';
import { createSdkClient } from '../../../agent/hub/sdk-client.js';
import { Bench, LinkProbe, clientDefaults } from '../../support/hub-wire.js';

const message = (number: number): OutgoingMessage => ({
  body: JSON.stringify({ number, text: 'Grüße – 你好' }),
  messageId: `id-${number}`,
  priority: 'High',
  creationTimeUtc: '2026-01-02T03:04:05.000Z',
  hubResourceId: '/subscriptions/1/hub&=?',
  securityMarker: true,
});

let bench: Bench;
let probes: LinkProbe[];

const probe = (...parameters: ConstructorParameters<typeof LinkProbe>): LinkProbe => {
  const made = new LinkProbe(...parameters);
  probes.push(made);
  return made;
};

beforeEach(async () => {
  bench = await new Bench().start();
  probes = [];
});

afterEach(async () => {
  await Promise.all(probes.map(({ link }) => link.stop()));
  await bench.end();
});

const connected = async (): Promise<LinkProbe> => {
  const credentials = bench.credentials(bench.hub.registerModule('device-1'));
  const made = probe(() => Promise.resolve(credentials));
  made.link.start();
  await made.until('the twin', () => made.twins.length === 1);
  return made;
};

const warnings = ({ log }: LinkProbe): string[] =>
  log.lines.filter(({ level }) => level === 'warn').map(({ message: text }) => text);

describe('the hub link over TLS', () => {
  it('connects, reads the twin and hands on a change of the desired properties as it came', async () => {
    bench.hub.registerModule('device-1');
    bench.hub.patchDesired('device-1', { list: [1, 2, 3], keep: { a: 1 } });
    const made = await connected();
    const { link, twins, patches } = made;
    expect(twins[0]?.desired).toEqual({ list: [1, 2, 3], keep: { a: 1 }, $version: 2 });
    bench.hub.patchDesired('device-1', { list: [9], keep: null });
    await made.until('the change', () => patches.length === 1);
    expect(patches).toEqual([{ list: [9], keep: null, $version: 3 }]);
    expect(link.connected).toBe(true);
  });

  it('publishes with all properties, and the hub finds every byte that was counted', async () => {
    const { link } = await connected();
    await link.send(message(1));
    const [received] = bench.hub.messages;
    expect(received?.body).toBe(message(1).body);
    expect(received?.properties).toEqual({
      MessagePriority: 'High',
      HubResourceId: '/subscriptions/1/hub&=?',
      'iothub-creation-time-utc': '2026-01-02T03:04:05.000Z',
    });
    expect(received?.systemProperties).toEqual({
      '$.mid': 'id-1',
      '$.ct': 'application/json',
      '$.ce': 'utf-8',
      '$.ifid': 'urn:azureiot:Security:SecurityAgent:1',
    });
  });

  it('reports, and learns of a refusal', async () => {
    const { link } = await connected();
    await link.report({ agentStatus: { agentVersion: '1' } });
    expect(bench.hub.readTwin('device-1').reported).toMatchObject({
      agentStatus: { agentVersion: '1' },
    });
    await expect(link.report({ 'a.b': 1 })).rejects.toMatchObject({ kind: 'refused' });
    expect(link.connected).toBe(true);
  });

  it('reads the twin again after the hub was away', async () => {
    const made = await connected();
    await bench.hub.stop();
    await made.until('the loss', () => !made.link.connected);
    await expect(made.link.send(message(1))).rejects.toMatchObject({ kind: 'network' });
    await bench.start();
    bench.hub.patchDesired('device-1', { changed: 'while away' });
    await made.until('the second twin', () => made.twins.length === 2);
    expect(made.twins[1]?.desired).toMatchObject({ changed: 'while away' });
    expect(made.link.connected).toBe(true);
  });

  it('survives both ways in which a connection can be cut', async () => {
    const made = await connected();
    bench.hub.dropConnections('rst');
    await made.until('the second twin', () => made.twins.length === 2);
    bench.hub.dropConnections('fin');
    await made.until('the third twin', () => made.twins.length === 3);
    bench.hub.patchDesired('device-1', { still: 'heard' });
    await made.until('the change', () => made.patches.length === 1);
  });

  it('goes on when the hub has lost the session', async () => {
    const made = await connected();
    await bench.hub.loseSession('device-1');
    await made.until('the second twin', () => made.twins.length === 2);
    bench.hub.patchDesired('device-1', { still: 'heard' });
    await made.until('the change', () => made.patches.length === 1);
  });

  it('a new token is taken into use without a loss, and what was missed meanwhile is read', async () => {
    const credentials = bench.credentials(bench.hub.registerModule('device-1'));
    const clients: unknown[] = [];
    const create = createSdkClient({
      ...clientDefaults,
      keepAliveMs: 60_000,
      productInfo: 'renewing',
    });
    const made = probe(() => Promise.resolve(credentials), {
      createClient: (...parameters) => {
        const client = create(...parameters);
        clients.push(client);
        return client;
      },
    });
    made.link.start();
    await made.until('the twin', () => made.twins.length === 1);
    const [client] = clients as [
      { transport: { _authenticationProvider: { _expiryTimerHandler: () => void } } },
    ];
    client.transport._authenticationProvider._expiryTimerHandler();
    await made.link.send(message(1));
    await made.until('the second twin', () => made.twins.length === 2);
    bench.hub.patchDesired('device-1', { still: 'heard' });
    await made.until('the change', () => made.patches.length === 1);
    await made.link.report({ agentStatus: { agentVersion: '1' } });
    expect(clients).toHaveLength(1);
    expect(made.states.map(({ name }) => name)).toEqual(['connecting', 'connected']);
    expect(warnings(made)).toEqual([]);
  });

  it('a token is renewed first at the moment of the device, from then on once a day, and is valid an hour longer', async () => {
    const credentials = bench.credentials(bench.hub.registerModule('device-1'));
    const clients: unknown[] = [];
    const create = createSdkClient({
      keepAliveMs: 60_000,
      productInfo: 'renewing',
      ...clientDefaults,
      untilRenewalMs: () => 7_200_500,
    });
    const made = probe(() => Promise.resolve(credentials), {
      createClient: (...parameters) => {
        const client = create(...parameters);
        clients.push(client);
        return client;
      },
    });
    made.link.start();
    await made.until('the twin', () => made.twins.length === 1);
    const [client] = clients as [
      {
        transport: {
          _authenticationProvider: {
            _currentTokenExpiryTimeInSeconds: number;
            _renewalTimeout: { _idleTimeout: number };
            _expiryTimerHandler: () => void;
          };
        };
      },
    ];
    const provider = client.transport._authenticationProvider;
    const validForSeconds = (): number =>
      provider._currentTokenExpiryTimeInSeconds - Date.now() / 1000;
    expect(provider._renewalTimeout._idleTimeout).toBe(7_201_000);
    expect(Math.abs(validForSeconds() - 7_201 - 3_600)).toBeLessThan(60);
    provider._expiryTimerHandler();
    expect(provider._renewalTimeout._idleTimeout).toBe(24 * 3_600_000);
    expect(Math.abs(validForSeconds() - 25 * 3_600)).toBeLessThan(60);
  });

  it('keys that were rolled are a refusal', async () => {
    const made = await connected();
    bench.hub.rollKeys('device-1');
    await made.until('the refusal', () => {
      const { state } = made.link;
      return state.name === 'waiting' && state.failure.kind === 'authorisation';
    });
    expect(warnings(made)).toHaveLength(2);
  });

  it('a hub that is busy is waited for', async () => {
    const made = await connected();
    bench.hub.faults.refuseConnectWith = 3;
    bench.hub.dropConnections();
    await made.until('the refusal', () => {
      const { state } = made.link;
      return state.name === 'waiting' && state.failure.kind === 'unavailable';
    });
    bench.hub.faults.refuseConnectWith = undefined;
    await made.until('the second twin', () => made.twins.length === 2);
  });

  it('a twin that is not answered ends the connection, and the next one works', async () => {
    const credentials = bench.credentials(bench.hub.registerModule('device-1'));
    bench.hub.faults.withholdTwinAnswers = true;
    const made = probe(() => Promise.resolve(credentials), { requestTimeoutMs: 500 });
    made.link.start();
    await made.until('the doubt', () => made.link.state.name === 'waiting');
    expect(made.link.state).toMatchObject({ failure: { kind: 'timeout' } });
    bench.hub.faults.withholdTwinAnswers = false;
    await made.until('the twin', () => made.twins.length === 1);
  });

  it('says which key is refused', async () => {
    const credentials = bench.credentials(bench.hub.registerModule('device-1'));
    const sharedAccessKey = Buffer.from('wrong').toString('base64');
    const wrong = { ...credentials, proof: { kind: 'key', sharedAccessKey } as const };
    const made = probe(() => Promise.resolve(wrong));
    made.link.start();
    await made.until('the refusal', () => made.link.state.name === 'waiting');
    expect(warnings(made)).toEqual([
      expect.stringMatching(
        /refused the credentials of device-1\/azureiotsecurity.*key file.*clock/,
      ),
    ]);
    expect(made.link.state).toMatchObject({
      failure: { kind: 'authorisation' },
      retryInMs: 60_000,
    });
    expect(JSON.stringify(made.log.lines)).not.toContain(sharedAccessKey);
  });

  it('names trustedCaFile when the certificate of the hub is not trusted', async () => {
    const { trustedCaPem, ...credentials } = bench.credentials(
      bench.hub.registerModule('device-1'),
    );
    expect(trustedCaPem).toContain('BEGIN CERTIFICATE');
    const made = probe(() => Promise.resolve(credentials));
    made.link.start();
    await made.until('the refusal', () => made.link.state.name === 'waiting');
    expect(warnings(made)).toEqual([expect.stringContaining('trustedCaFile')]);
    expect(made.link.state).toMatchObject({ failure: { kind: 'tls' } });
  });

  it('says which name does not resolve', async () => {
    const { gatewayHostName, ...credentials } = bench.credentials(
      bench.hub.registerModule('device-1'),
    );
    expect(gatewayHostName).toContain('localhost');
    const made = probe(() => Promise.resolve({ ...credentials, hostName: 'no-such-hub.invalid' }));
    made.link.start();
    await made.until('the refusal', () => made.link.state.name === 'waiting');
    expect(warnings(made)).toEqual([expect.stringContaining('no-such-hub.invalid')]);
    expect(made.link.state).toMatchObject({ failure: { kind: 'network' } });
  });

  it('recognises two clients with one identity and goes out of their way', async () => {
    const made = await connected();
    const credentials = bench.credentials(bench.hub.registerModule('device-1'));
    const silent = {
      desiredPatch: () => undefined,
      disconnected: () => undefined,
      renewed: () => undefined,
      unusable: () => undefined,
    };
    for (let round = 0; round < 5; round++) {
      await made.until('a connection', () => made.link.connected);
      const rival = createSdkClient({
        ...clientDefaults,
        keepAliveMs: 60_000,
        productInfo: 'rival',
      })(credentials, silent);
      await rival.open();
      await made.until('being kicked', () => !made.link.connected);
      await rival.close();
    }
    expect(warnings(made).filter((text) => text.includes('same identity'))).toHaveLength(1);
    expect(made.link.state).toMatchObject({
      name: 'waiting',
      retryInMs: 11.25 * 60_000,
      failure: { message: expect.stringContaining('uses the same identity') as unknown },
    });
  });

  it.each(['LightSensor#1', 'gw+7'])(
    'names the topic that %s gives to a message before it accuses another client',
    async (deviceId) => {
      const credentials = bench.credentials(bench.hub.registerModule(deviceId));
      const made = probe(() => Promise.resolve(credentials));
      const failures: string[] = [];
      made.link.listen({
        onState: ({ name }) => {
          if (name !== 'connected') return;
          made.link.send(message(1)).catch((error: unknown) => failures.push(String(error)));
        },
      });
      made.link.start();
      const ofFlaps = (): string | undefined =>
        warnings(made).find((text) => text.includes('times in a row'));
      await made.until('the pattern', () => ofFlaps() !== undefined, 30_000);
      const topic = `devices/${deviceId}/modules/azureiotsecurity/messages/events/`;
      const odd = deviceId.includes('#') ? '#' : '+';
      const [first = ''] = warnings(made);
      expect(first).toContain(`published on ${topic} and before any was acknowledged`);
      expect(first).toContain(`the topic holds ${odd}, which may be why`);
      expect(failures[0]).toContain(topic);
      expect(made.link.state).toMatchObject({
        failure: { message: expect.stringContaining(topic) as unknown },
      });
      const told = ofFlaps() ?? '';
      expect(told.indexOf(topic)).toBeGreaterThan(0);
      expect(told.indexOf('same identity')).toBeGreaterThan(told.indexOf(topic));
      expect(bench.hub.messages).toEqual([]);
    },
  );

  it.each(Array.from("-._%*?!(),:=@$'"))(
    'carries the messages and the twin of a device whose id holds %s',
    async (character) => {
      const credentials = bench.credentials(
        bench.hub.registerModule(`a${character}b`, `c${character}d`),
      );
      const made = probe(() => Promise.resolve(credentials));
      made.link.start();
      await made.until('the twin', () => made.twins.length === 1);
      await made.link.send(message(1));
      await made.link.report({ agentStatus: { agentVersion: '1' } });
      expect(bench.hub.messages).toMatchObject([
        { deviceId: `a${character}b`, moduleId: `c${character}d` },
      ]);
    },
  );

  it('gives up on a message that is not acknowledged, and connects anew', async () => {
    const credentials = bench.credentials(bench.hub.registerModule('device-1'));
    const made = probe(() => Promise.resolve(credentials), { requestTimeoutMs: 500 });
    made.link.start();
    await made.until('the twin', () => made.twins.length === 1);
    bench.hub.faults.withholdAcknowledgements = true;
    await expect(made.link.send(message(1))).rejects.toMatchObject({ kind: 'timeout' });
    bench.hub.faults.withholdAcknowledgements = false;
    await made.until('a new connection', () => made.twins.length === 2);
    await made.link.send(message(1));
    expect(bench.hub.messages.map(({ systemProperties }) => systemProperties['$.mid'])).toEqual([
      'id-1',
      'id-1',
    ]);
  });
});
