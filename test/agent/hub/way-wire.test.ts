import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModuleCredentials } from '../../../agent/identity/credentials/credentials.js';
import { selfSigned } from '../../../local-hub/hub/certificates.js';
import { ConnectProxy } from '../../../local-hub/services/proxy.js';
import { Bench, LinkProbe } from '../../support/hub-wire.js';
import { plainMessage } from '../../support/plain-message.js';

type Way = ConstructorParameters<typeof LinkProbe>[3];

let bench: Bench;
let proxy: ConnectProxy;
let probes: LinkProbe[];

beforeEach(async () => {
  bench = await new Bench().start();
  proxy = await ConnectProxy.start({ credentials: { user: 'anna', password: 'p:ss wörd' } });
  probes = [];
});

afterEach(async () => {
  await Promise.all(probes.map(({ link }) => link.stop()));
  await proxy.stop();
  await bench.end();
});

const overProxy = (userAndPassword?: string): NonNullable<Way> => ({
  proxy: () => Promise.resolve({ host: 'localhost', port: proxy.port, userAndPassword }),
});
const secret = 'anna:p:ss wörd';

/** Of the module, as the transport reaches the hub. */
async function credentialsOf(
  kind: 'key' | 'certificate',
  transport: 'mqtt' | 'mqtt-websocket',
): Promise<ModuleCredentials> {
  const issued = await selfSigned({ commonName: 'device-1/azureiotsecurity' });
  const authentication = {
    type: 'selfSigned',
    primaryThumbprint: issued.sha256Thumbprint,
    secondaryThumbprint: issued.sha256Thumbprint,
  } as const;
  const registration = bench.hub.registerModule(
    'device-1',
    'azureiotsecurity',
    kind === 'key' ? undefined : authentication,
  );
  const { certificatePem, privateKeyPem, validToMs } = issued;
  return {
    ...bench.credentials(registration),
    ...(kind === 'key'
      ? {}
      : { proof: { kind: 'certificate', certificatePem, privateKeyPem, validToMs } }),
    ...(transport === 'mqtt' ? {} : { gatewayHostName: `localhost:${bench.hub.httpsPort}` }),
  };
}

function started(credentials: ModuleCredentials, way: Way): LinkProbe {
  const made = new LinkProbe(() => Promise.resolve(credentials), {}, 60_000, way);
  probes.push(made);
  made.link.start();
  return made;
}

async function failure(made: LinkProbe): Promise<{ kind: string; message: string }> {
  await made.until('the failure', () => made.link.state.name === 'waiting');
  const { state } = made.link;
  if (state.name !== 'waiting') throw new Error(state.name);
  const { kind, message } = state.failure;
  expect(JSON.stringify(made.log.lines) + message).not.toMatch(/p:ss|YW5uYT|anna/);
  return { kind, message };
}

describe.each(['mqtt', 'mqtt-websocket'] as const)('over %s', (transport) => {
  const ways = (['key', 'certificate'] as const).flatMap((kind) =>
    [false, true].map((isProxied) => [kind, isProxied ? 'through a proxy' : 'directly'] as const),
  );

  it.each(ways)('a module with a %s %s has its twin, reports and sends', async (kind, how) => {
    const isProxied = how === 'through a proxy';
    const way = { transport, ...(isProxied ? overProxy(secret) : {}) };
    const made = started(await credentialsOf(kind, transport), way);
    await made.until('the twin', () => made.twins.length === 1);
    await made.link.report({ agentStatus: { agentVersion: '1' } });
    for (let number = 0; number < 20; number++) await made.link.send(plainMessage(number));
    expect(bench.hub.messages).toHaveLength(20);
    expect(proxy.opened).toBe(isProxied ? 1 : 0);
    bench.hub.patchDesired('device-1', { still: 'heard' });
    await made.until('the change', () => made.patches.length === 1);
  });

  it('comes back after the tunnel broke, and carries a large message', async () => {
    const way = { transport, ...overProxy(secret) };
    const made = started(await credentialsOf('key', transport), way);
    await made.until('the twin', () => made.twins.length === 1);
    proxy.dropTunnels();
    await made.until('the second twin', () => made.twins.length === 2);
    const body = JSON.stringify({ text: 'x'.repeat(200_000) });
    await made.link.send({ ...plainMessage(1), body });
    expect(bench.hub.messages[0]?.body).toBe(body);
  });

  it.each([
    [407, undefined, 'network', /asks for a user and a password \(407\); name a file/],
    [407, 'anna:wrong', 'network', /refused the user and password of proxyCredentialsFile \(407\)/],
    [403, secret, 'network', /does not allow that \(403\)/],
    ['silence', secret, 'timeout', /no answer in time/],
  ] as const)('a proxy that answers %s to %s is named', async (refuse, credentials, kind, says) => {
    proxy.faults.refuse = refuse === 407 ? undefined : refuse;
    const way = { transport, ...overProxy(credentials), requestTimeoutMs: 400 };
    const told = await failure(started(await credentialsOf('key', transport), way));
    expect(told.kind).toBe(kind);
    expect(told.message).toContain(`through the proxy localhost:${proxy.port}`);
    expect(told.message).toMatch(says);
  });

  it('a proxy that is not there is named', async () => {
    await proxy.stop();
    const told = await failure(
      started(await credentialsOf('key', transport), { transport, ...overProxy(secret) }),
    );
    expect(told).toMatchObject({
      kind: 'network',
      message: expect.stringContaining(
        'nobody listens there (connection refused); check proxy',
      ) as unknown,
    });
    proxy = await ConnectProxy.start();
  });

  it.each(['directly', 'through a proxy'])(
    'the certificate of the hub is checked by the name that is dialled, %s',
    async (how) => {
      const way = { transport, ...(how === 'directly' ? {} : overProxy(secret)) };
      const credentials = await credentialsOf('key', transport);
      const { trustedCaPem, ...untrusting } = credentials;
      expect(trustedCaPem).toContain('BEGIN');
      const told = await failure(started(untrusting, way));
      expect(told.kind).toBe('tls');
      expect(told.message).toContain('trustedCaFile');
    },
  );

  it('a key that is refused is a refusal', async () => {
    const credentials = await credentialsOf('key', transport);
    bench.hub.rollKeys('device-1');
    const told = await failure(started(credentials, { transport, ...overProxy(secret) }));
    expect(told.kind).toBe('authorisation');
    expect(told.message).toContain('refused the credentials of device-1/azureiotsecurity');
  });

  it('a token is renewed without a loss, through a new tunnel', async () => {
    const way = { transport, ...overProxy(secret), untilRenewalMs: () => 1_000 };
    const made = started(await credentialsOf('key', transport), way);
    await made.until('the twin after the renewal', () => made.twins.length === 2, 30_000);
    await made.link.send(plainMessage(1));
    expect(proxy.opened).toBe(2);
    expect(made.states.map(({ name }) => name)).toEqual(['connecting', 'connected']);
  });
});

describe('a WebSocket', () => {
  it('that is refused is told by its status', async () => {
    const credentials = await credentialsOf('key', 'mqtt-websocket');
    bench.hub.faults.refuseWebSockets = 503;
    const told = await failure(started(credentials, { transport: 'mqtt-websocket' }));
    expect(told.kind).toBe('protocol');
    expect(told.message).toContain('it answered 503 to the request for a WebSocket');
  });

  it('is looked for on port 443 unless another one is named', async () => {
    const { gatewayHostName, ...credentials } = await credentialsOf('key', 'mqtt-websocket');
    expect(gatewayHostName).toContain(String(bench.hub.httpsPort));
    const asked: string[] = [];
    proxy.onRequest(({ target }) => asked.push(target));
    const way = { transport: 'mqtt-websocket', ...overProxy(secret) } as const;
    await failure(started(credentials, way));
    expect(asked).toEqual([`${credentials.hostName}:443`]);
  });
});
