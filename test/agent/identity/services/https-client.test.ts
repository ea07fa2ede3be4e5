import { once } from 'node:events';
import { createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it, onTestFinished } from 'vitest';
import { askHttps } from '../../../../agent/identity/services/https-client.js';
import { openTunnel } from '../../../../agent/identity/services/proxy-tunnel.js';
import { ServiceError } from '../../../../agent/identity/services/service-error.js';
import { connectProxy, httpsService, listenOnLoopback } from '../../../support/https-service.js';

const get = { attempt: 'ask', method: 'GET', path: '/what?a=b' } as const;

async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServiceError);
  return error as ServiceError;
}

describe('a request over HTTPS', () => {
  it('gives status, body, time and the wish to be left alone, and leaves no connection', async () => {
    const { service, asked, open } = await httpsService(() => ({
      status: 429,
      headers: { date: 'Sat, 28 Nov 2026 13:00:00 GMT', 'retry-after': '7' },
      body: { a: 1 },
    }));
    const body = '{"é":1}';
    const answer = await askHttps(service, { ...get, method: 'POST', body });
    expect(answer).toEqual({
      status: 429,
      body: '{"a":1}',
      dateMs: Date.UTC(2026, 10, 28, 13),
      retryAfterMs: 7_000,
    });
    expect(asked).toMatchObject([{ method: 'POST', path: '/what?a=b', body }]);
    expect(asked[0]?.headers).toMatchObject({ host: `localhost:${service.port}` });
    await expect.poll(() => open.size).toBe(0);
  });

  it('takes no more than 256 KB', async () => {
    const { service } = await httpsService(() => ({ body: 'x'.repeat(300_000) }));
    const failure = await failureOf(askHttps(service, get));
    expect(failure.kind).toBe('protocol');
    expect(failure.message).toContain('answered with more than 262144 bytes');
  });

  it('ends when nobody answers', async () => {
    const { service, open } = await httpsService(() => 'silence');
    const failure = await failureOf(askHttps({ ...service, timeoutMs: 50 }, get));
    expect(failure.kind).toBe('timeout');
    await expect.poll(() => open.size).toBe(0);
  });

  it('ends when the body never ends', async () => {
    const { service } = await httpsService(() => ({ endless: true }));
    expect((await failureOf(askHttps({ ...service, timeoutMs: 200 }, get))).kind).toBe('timeout');
  });

  it('does not take a body that was cut for an answer', async () => {
    const headers = { 'content-length': '100' };
    const { service } = await httpsService(() => ({ headers, body: '{}' }));
    expect((await failureOf(askHttps(service, get))).kind).toBe('network');
  });

  it('trusts nobody but the public authorities and the named one', async () => {
    const { service, asked } = await httpsService(() => ({}));
    const failure = await failureOf(askHttps({ ...service, trustedCaPem: undefined }, get));
    expect(failure.kind).toBe('tls');
    expect(failure.message).toContain('trustedCaFile');
    expect(asked).toEqual([]);
  });

  it('goes to nobody whose certificate bears another name', async () => {
    const { service, asked } = await httpsService(() => ({}));
    const named = { ...service, host: 'hub.example', proxy: await connectProxy() };
    const failure = await failureOf(askHttps(named, get));
    expect(failure.kind).toBe('tls');
    expect(failure.message).toContain('another name; check identity.restEndpoint');
    expect(asked).toEqual([]);
  });

  it('says so when a name does not resolve or nobody listens', async () => {
    const gone = createServer();
    const port = await listenOnLoopback(gone);
    gone.close();
    await once(gone, 'close');
    const service = { host: 'localhost', port, settings: 'identity.hostName', timeoutMs: 5_000 };
    const refused = await failureOf(askHttps(service, get));
    expect(refused.message).toBe(
      `Could not ask at localhost:${port}: nobody listens there (connection refused); check identity.hostName [Authentication / Other].`,
    );
    const unknown = await failureOf(askHttps({ ...service, host: 'no.such.name.invalid' }, get));
    expect(unknown.kind).toBe('network');
  });

  it('says which setting to mend when the certificate of the device cannot be used', async () => {
    const { service } = await httpsService(() => ({}));
    const certificate = { certificatePem: 'no PEM', privateKeyPem: 'SECRET' };
    const failure = await failureOf(askHttps(service, { ...get, certificate }));
    expect(failure.kind).toBe('credentials');
    expect(failure.message).toContain('identity.certificateFile');
    expect(failure.message).not.toContain('SECRET');
  });
});

describe('a proxy', () => {
  it('leads to the service, which is checked as without it', async () => {
    const { service, asked } = await httpsService(() => ({ body: 'through' }));
    const proxy = await connectProxy();
    const through = { ...service, proxy: { ...proxy, userAndPassword: 'anna:geheim' } };
    expect((await askHttps(through, get)).body).toBe('through');
    expect(asked).toHaveLength(1);
    expect(proxy.asked).toEqual([
      {
        target: `localhost:${service.port}`,
        authorization: `Basic ${Buffer.from('anna:geheim').toString('base64')}`,
      },
    ]);
    const untrusted = await failureOf(askHttps({ ...through, trustedCaPem: undefined }, get));
    expect(untrusted.kind).toBe('tls');
  });

  it.each([
    [407, undefined, 'proxyCredentialsFile'],
    [407, 'anna:geheim', 'refused the user and password'],
    [403, undefined, 'does not allow that'],
    [502, undefined, 'answered 502'],
  ])('that answers %i is told with what to do', async (status, userAndPassword, said) => {
    const proxy = await connectProxy(status);
    const target = { host: 'hub.example', port: 443 };
    const signal = AbortSignal.timeout(5_000);
    const failure = await failureOf(openTunnel({ ...proxy, userAndPassword }, target, signal));
    expect(failure.message).toContain(
      `Could not reach hub.example:443 through the proxy 127.0.0.1:${proxy.port}: `,
    );
    expect(failure.message).toContain(said);
    expect(failure.message).not.toContain('geheim');
  });

  it('that says nothing is given up, and that is not there is told', async () => {
    const silent = createServer();
    const port = await listenOnLoopback(silent);
    onTestFinished(() => void silent.close());
    const target = { host: 'hub.example', port: 443 };
    const proxy = { host: '127.0.0.1', port };
    const late = await failureOf(openTunnel(proxy, target, AbortSignal.timeout(50)));
    expect(late.kind).toBe('timeout');
    silent.close();
    const gone = await failureOf(
      openTunnel({ ...proxy, host: '127.0.0.2' }, target, AbortSignal.timeout(5_000)),
    );
    expect(gone.message).toContain('check proxy');
  });

  it('hands over a socket that outlives the deadline of its making', async () => {
    const { service } = await httpsService(() => ({}));
    const proxy = await connectProxy();
    const making = new AbortController();
    const socket = await openTunnel(proxy, service, making.signal);
    making.abort();
    const secure = connectTls({ socket, servername: 'localhost', ca: service.trustedCaPem });
    await once(secure, 'secureConnect');
    expect(secure.authorized).toBe(true);
    secure.destroy();
  });
});
