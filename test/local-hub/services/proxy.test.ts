import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConnectProxy } from '../../../local-hub/services/proxy.js';
import { startHub } from '../../support/hub-fixture.js';

type Options = Parameters<typeof ConnectProxy.start>[0];

async function startProxy(options: Options = {}): Promise<ConnectProxy> {
  const proxy = await ConnectProxy.start(options);
  onTestFinished(() => proxy.stop());
  return proxy;
}

/** Asks for a tunnel. */
function tunnel(
  proxy: ConnectProxy,
  target: string,
  authorization?: string,
): Promise<{ status: number; socket: Socket; challenge: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = authorization === undefined ? {} : { 'proxy-authorization': authorization };
    const asking = request({
      host: '127.0.0.1',
      port: proxy.port,
      method: 'CONNECT',
      path: target,
      headers,
      agent: false,
    });
    asking.on('error', reject);
    asking.on('connect', ({ statusCode: status = 0, headers: got }, socket: Socket) => {
      onTestFinished(() => void socket.destroy());
      resolve({ status, socket, challenge: got['proxy-authenticate'] });
    });
    asking.end();
  });
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

describe('the stand-in proxy', () => {
  it('leads a name of the hub to its port on loopback, where the certificate bears that name', async () => {
    const hub = await startHub();
    const target = `${hub.hubName}:443`;
    const proxy = await startProxy({ routes: { [target]: hub.httpsPort } });
    const { status, socket } = await tunnel(proxy, target);
    expect(status).toBe(200);
    const encrypted = connectTls({ socket, servername: hub.hubName, ca: readFileSync(hub.caFile) });
    await once(encrypted, 'secureConnect');
    encrypted.write('HEAD / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = (await once(encrypted, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 404 /);
    expect(proxy.opened).toBe(1);
    proxy.dropTunnels();
    await once(encrypted, 'close');
  });

  it('leads to ports of localhost, and nowhere else', async () => {
    const hub = await startHub();
    const proxy = await startProxy();
    const told: unknown[] = [];
    proxy.onRequest((asked) => told.push(asked));
    const own = `localhost:${hub.port}`;
    expect((await tunnel(proxy, own)).status).toBe(200);
    expect((await tunnel(proxy, 'example.org:443')).status).toBe(502);
    expect((await tunnel(proxy, 'nonsense')).status).toBe(400);
    await hub.stop();
    expect((await tunnel(proxy, own)).status).toBe(502);
    expect(told).toEqual([
      { target: own, status: 200 },
      { target: 'example.org:443', status: 502 },
      { target: 'nonsense', status: 400 },
      { target: own, status: 502 },
    ]);
  });

  it('lets in who has its password only, and asks for it', async () => {
    const hub = await startHub();
    const credentials = { user: 'agent', password: 'p:ß' };
    const proxy = await startProxy({ credentials });
    const target = `localhost:${hub.port}`;
    for (const wrong of [undefined, basic('agent:other'), basic('agent'), 'Bearer x']) {
      const { status, challenge } = await tunnel(proxy, target, wrong);
      expect(status).toBe(407);
      expect(challenge).toMatch(/^Basic realm=/);
    }
    expect((await tunnel(proxy, target, basic('agent:p:ß'))).status).toBe(200);
    expect(proxy.opened).toBe(1);
  });

  it('refuses on demand, or says nothing at all', async () => {
    const hub = await startHub();
    const proxy = await startProxy();
    const target = `localhost:${hub.port}`;
    for (const status of [403, 407, 500]) {
      proxy.faults.refuse = status;
      expect((await tunnel(proxy, target)).status).toBe(status);
    }
    proxy.faults.refuse = 'silence';
    const asked = new Promise((resolve) => void proxy.onRequest(resolve));
    const socket = connect(proxy.port, '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    let heard = 0;
    socket.on('data', ({ length }) => (heard += length));
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await expect(asked).resolves.toEqual({ target, status: undefined });
    proxy.faults.refuse = undefined;
    expect((await tunnel(proxy, target)).status).toBe(200);
    expect(heard).toBe(0);
  });
});
