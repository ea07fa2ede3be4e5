import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { heldKeepAlive } from '../../local-hub/hub/client-packets.js';
import type { ConnectionEvent, LocalHub } from '../../local-hub/hub/local-hub.js';
import {
  connectOptions,
  minutesFromNow,
  patiently,
  RawClient,
  sdkClient,
  startHub,
  temporaryDirectory,
} from '../support/hub-fixture.js';
import { sasToken } from '../support/sas-token.js';

const events = '/messages/events/';

describe('a connection', () => {
  it('is taken from the SDK with the connection string of a registered module', async () => {
    const hub = await startHub();
    const { connectionString } = hub.registerModule('device-1');
    const connections: ConnectionEvent[] = [];
    hub.onConnection((event) => connections.push(event));
    await (await sdkClient(hub, connectionString)).open();
    expect(hub.isConnected('device-1')).toBe(true);
    expect(connections).toMatchObject([
      { kind: 'connected', deviceId: 'device-1', moduleId: 'azureiotsecurity' },
    ]);
  });

  it('is refused to the SDK with a wrong key', async () => {
    const hub = await startHub();
    const { connectionString, primaryKey } = hub.registerModule('device-1');
    const wrong = connectionString.replace(primaryKey, Buffer.alloc(32).toString('base64'));
    await expect((await sdkClient(hub, wrong)).open()).rejects.toThrow(/Not authorized/);
  });

  it('is taken with the secondary key, and with neither once they were rolled', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const withKey = (primaryKey: string) => connectOptions(hub, { ...module, primaryKey });
    const { client } = await RawClient.connect(withKey(module.secondaryKey));
    const rolled = hub.rollKeys('device-1');
    await client.closed;
    for (const key of [module.primaryKey, module.secondaryKey]) {
      await expect(RawClient.connect(withKey(key))).rejects.toMatchObject({ code: 5 });
    }
    await expect(RawClient.connect(withKey(rolled.primaryKey))).resolves.toBeDefined();
  });

  it.each([
    ['protocol level 3', 1, { protocolId: 'MQIsdp', protocolVersion: 3 }],
    ['a client id that is not the one of the user name', 2, { clientId: 'device-1/other' }],
    ['a user name without a device', 4, { username: 'local-hub.azure-devices.net' }],
    ['no password', 5, { password: '' }],
    [
      'a module that is not registered',
      5,
      { clientId: 'device-2', username: 'local-hub.azure-devices.net/device-2/?api-version=1' },
    ],
    [
      'the name of another hub',
      5,
      { username: 'other.azure-devices.net/device-1/azureiotsecurity/?api-version=2021-04-12' },
    ],
  ] as const)('with %s is refused with code %d', async (_name, code, overrides) => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const refused = new Promise((resolve) => void hub.onConnection(resolve));
    const options = connectOptions(hub, module, overrides);
    await expect(RawClient.connect(options)).rejects.toMatchObject({ code });
    await expect(refused).resolves.toMatchObject({ kind: 'refused', code });
  });

  it('with an expired token is refused, and one that expires later ends the connection', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const token = (se: number) =>
      sasToken(
        encodeURIComponent(`${module.hubName}/devices/device-1/modules/azureiotsecurity`),
        module.primaryKey,
        se,
      );
    const expired = connectOptions(hub, module, { password: token(minutesFromNow(-1)) });
    await expect(RawClient.connect(expired)).rejects.toMatchObject({ code: 5 });
    const soon = Math.ceil(Date.now() / 1000) + 1;
    const { client } = await RawClient.connect(
      connectOptions(hub, module, { password: token(soon) }),
    );
    const ended = new Promise((resolve) => void hub.onConnection(resolve));
    await client.closed;
    await expect(ended).resolves.toMatchObject({ reason: 'the token expired' });
    expect(Date.now()).toBeGreaterThanOrEqual(soon * 1000 - 10);
  });

  it('ends when the same client id connects again', async () => {
    const hub = await startHub();
    const options = connectOptions(hub, hub.registerModule('device-1'));
    const { client: first } = await RawClient.connect(options);
    const { client: second } = await RawClient.connect(options);
    await first.closed;
    await second.publish(`devices/device-1/modules/azureiotsecurity${events}`, 'still here');
    expect(hub.messages).toHaveLength(1);
  });

  it.each(['fin', 'rst'] as const)('is dropped on demand: %s', async (how) => {
    const hub = await startHub();
    const options = connectOptions(hub, hub.registerModule('device-1'));
    const { client } = await RawClient.connect(options);
    hub.dropConnections(how);
    await client.closed;
    await expect(RawClient.connect(options)).resolves.toMatchObject({ sessionPresent: true });
  });

  it('that is closed over a message says so', async () => {
    const hub = await startHub();
    const module = hub.registerModule('gw+7');
    const { client } = await RawClient.connect(connectOptions(hub, module));
    const ended = new Promise((resolve) => void hub.onConnection(resolve));
    client
      .publish('devices/gw+7/modules/azureiotsecurity/messages/events/', '{}')
      .catch(() => undefined);
    await client.closed;
    await expect(ended).resolves.toMatchObject({
      kind: 'disconnected',
      reason: expect.stringContaining('+ is not allowed in PUBLISH') as unknown,
    });
    expect(hub.messages).toEqual([]);
  });

  it('of every module ends when the device is disabled', async () => {
    const hub = await startHub();
    const clients = await Promise.all(
      ['azureiotsecurity', 'other'].map((id) =>
        RawClient.connect(connectOptions(hub, hub.registerModule('device-1', id))),
      ),
    );
    hub.setDisabled('device-1', true);
    await Promise.all(clients.map(({ client }) => client.closed));
  });

  it('is refused with any code on demand', async () => {
    const hub = await startHub();
    const options = connectOptions(hub, hub.registerModule('device-1'));
    hub.faults.refuseConnectWith = 3;
    await expect(RawClient.connect(options)).rejects.toMatchObject({ code: 3 });
    hub.faults.refuseConnectWith = undefined;
    await expect(RawClient.connect(options)).resolves.toBeDefined();
  });
});

describe('a session', () => {
  it('without subscriptions is there again, also after a restart of the hub', async () => {
    const directory = temporaryDirectory();
    const first = await startHub(directory);
    const module = first.registerModule('device-1');
    const before = await RawClient.connect(connectOptions(first, module));
    expect(before.sessionPresent).toBe(false);
    await before.client.end();
    const again = await RawClient.connect(connectOptions(first, module));
    expect(again.sessionPresent).toBe(true);
    await first.stop();
    await again.client.closed;
    const second = await startHub(directory, first.port);
    const third = await RawClient.connect(connectOptions(second, module));
    expect(third.sessionPresent).toBe(true);
    await second.loseSession('device-1');
    await third.client.closed;
    const fourth = await RawClient.connect(connectOptions(second, module));
    expect(fourth.sessionPresent).toBe(false);
  });
});

describe('the protocol of a client', () => {
  /** What comes back for a CONNECT of this level, until the hub closes the connection. */
  const answerTo = async (hub: LocalHub, level: number): Promise<number[]> => {
    const properties = level === 5 ? [0] : [];
    const rest = [0, 4, ...Buffer.from('MQTT'), level, 2, 0, 60, ...properties, 0, 1, 0x64];
    const socket = connectTls({ host: 'localhost', port: hub.port, ca: readFileSync(hub.caFile) });
    socket.on('error', () => undefined);
    const bytes: number[] = [];
    socket.on('data', (chunk: Buffer) => bytes.push(...chunk));
    socket.write(Buffer.from([0x10, rest.length, ...rest]));
    await new Promise((resolve) => socket.once('close', resolve));
    return bytes;
  };

  it.each([
    ['MQTT 5', 5, [0x20, 3, 0, 0x84, 0]],
    ['MQTT 3', 3, [0x20, 2, 0, 1]],
    ['a level that nobody knows', 6, [0x20, 2, 0, 1]],
    ['level 0', 0, [0x20, 2, 0, 1]],
    ['that of a bridge', 0x84, [0x20, 2, 0, 1]],
  ])('%s is answered before the connection is closed', async (_, level, answer) => {
    const hub = await startHub();
    const refused = new Promise((resolve) => void hub.onConnection(resolve));
    expect(await answerTo(hub, level)).toEqual(answer);
    await expect(refused).resolves.toMatchObject({ kind: 'refused', code: 1 });
  });
});

describe('the keep-alive', () => {
  it.each([
    [60, 90],
    [1177, 1765.5],
    [1178, 1767],
    [65_535, 1767],
    [0, 1767],
  ])('of %d s lets a client be silent for %d s', (asked, silence) => {
    expect(heldKeepAlive(asked) * 1.5).toBe(silence);
  });
});

describe('subscriptions', () => {
  it('with quality of service 2 are granted with 1', async () => {
    const hub = await startHub();
    const { client } = await RawClient.connect(connectOptions(hub, hub.registerModule('device-1')));
    expect(await client.subscribe('$iothub/twin/res/#')).toEqual([0]);
    expect(await client.subscribeAt(2, '$iothub/twin/res/#', '$iothub/methods/POST/#')).toEqual([
      1, 1,
    ]);
  });

  it('are kept over a restart of the hub, and lost on demand', async () => {
    const directory = temporaryDirectory();
    const first = await startHub(directory);
    const module = first.registerModule('device-1');
    const { client } = await RawClient.connect(connectOptions(first, module));
    expect(await client.subscribe('$iothub/twin/PATCH/properties/desired/#')).toEqual([0]);
    await first.stop();
    await client.closed;

    const second = await startHub(directory, first.port);
    const again = await RawClient.connect(connectOptions(second, module));
    expect(again.sessionPresent).toBe(true);
    second.patchDesired('device-1', { setting: 1 });
    await expect
      .poll(() => again.client.received, patiently)
      .toMatchObject([{ body: '{"setting":1,"$version":2}' }]);

    await second.loseSession('device-1');
    await again.client.closed;
    const third = await RawClient.connect(connectOptions(second, module));
    expect(third.sessionPresent).toBe(false);
  });

  it('are not kept for a client that wants a clean session', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const { client } = await RawClient.connect(connectOptions(hub, module));
    await client.subscribe('$iothub/twin/res/#');
    await client.end();
    const clean = await RawClient.connect(connectOptions(hub, module, { clean: true }));
    await clean.client.end();
    const { sessionPresent } = await RawClient.connect(connectOptions(hub, module));
    expect(sessionPresent).toBe(false);
  });

  it('are granted for the documented filters only', async () => {
    const hub = await startHub();
    const { client } = await RawClient.connect(connectOptions(hub, hub.registerModule('device-1')));
    const granted = await client.subscribe(
      '#',
      'devices/device-1/modules/azureiotsecurity/messages/events/#',
      '$iothub/twin/res/#',
    );
    expect(granted).toEqual([128, 128, 0]);
  });
});

describe('a start', () => {
  it('on a port that is taken says so', async () => {
    const { port } = await startHub();
    await expect(startHub(temporaryDirectory(), port)).rejects.toThrow(
      `Port ${port} on 127.0.0.1 is taken by another program`,
    );
  });

  it('on a state directory that is a file says so', async () => {
    const file = join(temporaryDirectory(), 'file');
    writeFileSync(file, '');
    await expect(startHub(file)).rejects.toThrow(`The state directory ${file} of the local hub`);
  });
});

describe('the state directory', () => {
  it('keeps keys for its owner only, and gives the same keys and authority again', async () => {
    const directory = temporaryDirectory();
    const first = await startHub(directory);
    const module = first.registerModule('device-1');
    const authority = readFileSync(first.caFile, 'utf8');
    await first.stop();
    for (const file of ['identities.json', 'ca.key.pem', 'server.key.pem']) {
      expect(statSync(join(directory, file)).mode & 0o777).toBe(0o600);
    }
    const second = await startHub(directory, first.port);
    expect(second.registerModule('device-1')).toEqual(module);
    expect(readFileSync(second.caFile, 'utf8')).toBe(authority);
  });
});
