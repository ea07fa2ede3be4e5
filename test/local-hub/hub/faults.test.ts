import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { describe, expect, it } from 'vitest';
import { LocalHub } from '../../../local-hub/hub/local-hub.js';
import { TelemetryQueue } from '../../../local-hub/hub/throttle.js';
import {
  connectOptions,
  patiently,
  RawClient,
  startHub,
  temporaryDirectory,
} from '../../support/hub-fixture.js';

const path = 'devices/device-1/modules/azureiotsecurity/messages/events/';

async function startWithClient() {
  const hub = await startHub();
  const options = connectOptions(hub, hub.registerModule('device-1'));
  const { client } = await RawClient.connect(options);
  return { hub, client, options };
}

describe('a direct method', () => {
  it('is called on a client that takes methods, and its answer is given to the caller', async () => {
    const { hub, client } = await startWithClient();
    await client.subscribe('$iothub/methods/POST/#');
    const called = hub.callMethod('device-1', 'sum', [1, 2]);
    await expect.poll(() => client.received, patiently).toHaveLength(1);
    const [{ topic, body } = { topic: '', body: '' }] = client.received;
    expect(body).toBe('[1,2]');
    const requestId = topic.replace('$iothub/methods/POST/sum/?$rid=', '');
    await client.publish(`$iothub/methods/res/200/?$rid=${requestId}`, '{"sum":3}', 0);
    await expect(called).resolves.toEqual({ status: 200, body: '{"sum":3}' });
  });

  it('that is not answered ends after its time', async () => {
    const { hub, client } = await startWithClient();
    await client.subscribe('$iothub/methods/POST/#');
    const { status } = await hub.callMethod('device-1', 'sum', null, { timeoutMs: 50 });
    expect(status).toBe(504);
  });
});

describe('telemetry beyond the throttle', () => {
  it('waits its turn, is too much beyond the backlog, and is let in again later', () => {
    const queue = new TelemetryQueue();
    const throttle = { perSecond: 2, backlog: 1 };
    expect(queue.admit(throttle, 0)).toEqual({ delayMs: 0 });
    expect(queue.admit(throttle, 0)).toEqual({ delayMs: 500 });
    expect(queue.admit(throttle, 0)).toBe('over');
    expect(queue.admit(throttle, 1_000)).toEqual({ delayMs: 0 });
    expect(queue.admit(undefined, 1_000)).toEqual({ delayMs: 0 });
  });

  it('is acknowledged late', async () => {
    const { hub, client } = await startWithClient();
    hub.faults.acknowledgementDelayMs = 300;
    let acknowledged = false;
    const sent = client.publish(path, 'x').then(() => (acknowledged = true));
    await hub.awaitMessages((messages) => messages.length === 1, 5_000);
    expect(acknowledged).toBe(false);
    await sent;
  });
});

describe('a connection', () => {
  it('over HTTPS is answered with the date', async () => {
    const hub = await startHub();
    const { statusCode, headers } = await new Promise<IncomingMessage>((resolve, reject) => {
      const ca = readFileSync(hub.caFile);
      request({ host: 'localhost', port: hub.port, ca, method: 'HEAD', agent: false }, resolve)
        .once('error', reject)
        .end();
    });
    expect(statusCode).toBe(404);
    expect(Math.abs(Date.parse(headers.date ?? '') - Date.now())).toBeLessThan(10_000);
  });

  it('of a disabled device ends and is refused, until it is enabled', async () => {
    const { hub, client, options } = await startWithClient();
    hub.setDisabled('device-1', true);
    await client.closed;
    await expect(RawClient.connect(options)).rejects.toMatchObject({ code: 5 });
    hub.setDisabled('device-1', false);
    await expect(RawClient.connect(options)).resolves.toBeDefined();
  });

  it('ends when the life of its token does', async () => {
    const hub = await startHub();
    const options = connectOptions(hub, hub.registerModule('device-1'));
    hub.faults.tokenLifeMs = 200;
    const { client } = await RawClient.connect(options);
    const ended = new Promise((resolve) => void hub.onConnection(resolve));
    await client.closed;
    await expect(ended).resolves.toMatchObject({ reason: 'the token expired' });
  });

  it('that is half-open stays open without an answer, and a new one takes its place', async () => {
    const { hub, client, options } = await startWithClient();
    hub.freezeConnections();
    let answered = false;
    client.publish(path, 'unheard').then(
      () => (answered = true),
      () => undefined,
    );
    const again = await RawClient.connect(options);
    await again.client.publish(path, 'heard');
    expect(hub.messages.map(({ body }) => body)).toEqual(['heard']);
    expect(answered).toBe(false);
  });

  it('finds no session after a restart that forgot them', async () => {
    const directory = temporaryDirectory();
    const first = await startHub(directory);
    const module = first.registerModule('device-1');
    const { client } = await RawClient.connect(connectOptions(first, module));
    await client.subscribe('$iothub/twin/res/#');
    await first.stop();
    const second = await LocalHub.start({ stateDirectory: directory, forgetSessions: true });
    try {
      const again = await RawClient.connect(connectOptions(second, module));
      expect(again.sessionPresent).toBe(false);
    } finally {
      await second.stop();
    }
  });
});
