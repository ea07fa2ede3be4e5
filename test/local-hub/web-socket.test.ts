import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { PassThrough, type Duplex } from 'node:stream';
import fc from 'fast-check';
import type { IClientOptions } from 'mqtt';
import { describe, expect, it, onTestFinished } from 'vitest';
import { selfSigned } from '../../local-hub/hub/certificates.js';
import type { LocalHub } from '../../local-hub/hub/local-hub.js';
import { WebSocketStream } from '../../local-hub/hub/web-socket-stream.js';
import { connectOptions, patiently, RawClient, startHub } from '../support/hub-fixture.js';

const path = '/$iothub/websocket';
const telemetry = 'devices/device-1/modules/azureiotsecurity/messages/events/';

function overWebSocket(hub: LocalHub, overrides: IClientOptions = {}): IClientOptions {
  return connectOptions(hub, hub.registerModule('device-1'), {
    protocol: 'wss',
    port: hub.httpsPort,
    path,
    wsOptions: { ca: readFileSync(hub.caFile) },
    ...overrides,
  });
}

interface Handshake {
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The status of the answer, and the connection when it is 101. */
function shake(
  hub: LocalHub,
  { path: asked = path, headers = {} }: Handshake = {},
): Promise<{ status: number; socket: Duplex | undefined }> {
  return new Promise((resolve, reject) => {
    const asking = request({
      host: 'localhost',
      port: hub.httpsPort,
      ca: readFileSync(hub.caFile),
      path: asked,
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-protocol': 'mqtt',
        ...headers,
      },
    });
    asking.on('error', reject);
    asking.on('response', ({ statusCode: status = 0 }) => resolve({ status, socket: undefined }));
    asking.on('upgrade', ({ statusCode: status = 0, headers: got }, socket: Duplex) => {
      // The example of RFC 6455 §1.3.
      expect(got['sec-websocket-accept']).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
      expect(got['sec-websocket-protocol']).toBe('mqtt');
      onTestFinished(() => void socket.destroy());
      resolve({ status, socket });
    });
    asking.end();
  });
}

/** A frame as a client sends it. */
function masked(opcode: number, payload: Buffer, mask = Buffer.from([1, 2, 3, 4])): Buffer {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  const hidden = payload.map((byte, at) => byte ^ (mask[at % 4] ?? 0));
  return Buffer.concat([head, mask, hidden]);
}

describe('MQTT over WebSockets', () => {
  it('carries what MQTT over TLS does, on the port of HTTPS', async () => {
    const hub = await startHub();
    const { client } = await RawClient.connect(overWebSocket(hub));
    expect(await client.subscribe('$iothub/twin/res/#')).toEqual([0]);
    const long = 'x'.repeat(70_000);
    for (const body of ['short', 'm'.repeat(300), long]) await client.publish(telemetry, body);
    expect(hub.messages.map(({ body }) => body)).toEqual(['short', 'm'.repeat(300), long]);
    await client.publish('$iothub/twin/GET/?$rid=1', '', 0);
    await expect.poll(() => client.received, patiently).toHaveLength(1);
  });

  it('takes the certificate of the handshake, and refuses like MQTT over TLS', async () => {
    const hub = await startHub();
    const shown = await selfSigned({ commonName: 'x' });
    const options = overWebSocket(hub, {
      password: '',
      wsOptions: {
        ca: readFileSync(hub.caFile),
        cert: shown.certificatePem,
        key: shown.privateKeyPem,
      },
    });
    await expect(RawClient.connect(options)).rejects.toMatchObject({ code: 5 });
    hub.registerModule('device-1', 'azureiotsecurity', {
      type: 'selfSigned',
      primaryThumbprint: shown.sha1Thumbprint,
      secondaryThumbprint: '',
    });
    await expect(RawClient.connect(options)).resolves.toBeDefined();
  });

  it('ends, freezes and is refused on demand', async () => {
    const hub = await startHub();
    const { client } = await RawClient.connect(overWebSocket(hub));
    hub.rollKeys('device-1');
    await client.closed;
    const frozen = (await RawClient.connect(overWebSocket(hub))).client;
    hub.freezeConnections();
    frozen.publish(telemetry, 'unheard').catch(() => undefined);
    const again = await RawClient.connect(overWebSocket(hub));
    await again.client.publish(telemetry, 'heard');
    expect(hub.messages.map(({ body }) => body)).toEqual(['heard']);
    hub.dropConnections('rst');
    await again.client.closed;
    hub.faults.refuseWebSockets = 503;
    expect(await shake(hub)).toMatchObject({ status: 503 });
  });

  it.each([
    ['another path', 404, { path: '/mqtt' }],
    ['another sub-protocol', 400, { headers: { 'sec-websocket-protocol': 'AMQPWSB10' } }],
    ['another version', 426, { headers: { 'sec-websocket-version': '8' } }],
    ['a key that is none', 400, { headers: { 'sec-websocket-key': 'short' } }],
    ['another protocol', 400, { headers: { upgrade: 'h2c' } }],
  ] as const)('is refused for %s with %d', async (_, status, handshake) => {
    expect(await shake(await startHub(), handshake)).toMatchObject({ status });
  });

  it('is granted beside other sub-protocols and with the query of the SDKs', async () => {
    const hub = await startHub();
    const handshake = {
      path: `${path}?iothub-no-client-cert=true`,
      headers: { 'sec-websocket-protocol': 'AMQPWSB10, mqtt' },
    };
    expect(await shake(hub, handshake)).toMatchObject({ status: 101 });
  });

  it.each([
    ['a text', Buffer.from([0x81, 0x80, 0, 0, 0, 0]), 1003],
    ['a frame without a mask', Buffer.from([0x82, 0x01, 0x10]), 1002],
    ['an extension', Buffer.from([0xc2, 0x80, 0, 0, 0, 0]), 1002],
    [
      'more than any message has',
      Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0]),
      1009,
    ],
    ['a close', masked(8, Buffer.from([3, 232])), 1000],
  ])('is closed after %s', async (_, bytes, code) => {
    const { socket } = await shake(await startHub());
    const got: number[] = [];
    socket?.on('data', (chunk: Buffer) => got.push(...chunk));
    socket?.write(bytes);
    await new Promise((resolve) => socket?.once('close', resolve));
    expect(got).toEqual([0x88, 2, code >> 8, code & 0xff]);
  });
});

describe('the stream of a WebSocket', () => {
  it('is what the frames held, however they were cut and came', async () => {
    const frames = fc.array(
      fc.tuple(fc.constantFrom(0, 2, 9, 10), fc.uint8Array({ maxLength: 300 })),
      { minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(frames, fc.integer({ min: 1, max: 50 }), async (sent, cut) => {
        const socket = new PassThrough();
        socket.write = () => true; // what is answered, such as a pong
        const stream = new WebSocketStream(socket, Buffer.alloc(0));
        const got: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => got.push(chunk));
        const bytes = Buffer.concat(
          sent.map(([opcode, payload]) => masked(opcode, Buffer.from(payload))),
        );
        for (let at = 0; at < bytes.length; at += cut) {
          socket.emit('data', bytes.subarray(at, at + cut));
        }
        await new Promise((resolve) => setImmediate(resolve));
        const wanted = sent.flatMap(([opcode, payload]) => (opcode > 2 ? [] : [...payload]));
        expect([...Buffer.concat(got)]).toEqual(wanted);
        stream.destroy();
      }),
      { numRuns: 60 },
    );
  });
});
