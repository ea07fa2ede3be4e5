import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { selfSigned } from '../../../local-hub/hub/certificates.js';
import type { LocalHub } from '../../../local-hub/hub/local-hub.js';
import { EdgeDevice } from '../../../local-hub/services/edge.js';
import {
  connectOptions,
  minutesFromNow,
  RawClient,
  startHub,
  temporaryDirectory,
} from '../../support/hub-fixture.js';
import { askUnix } from '../../support/unix-request.js';

const identityPath = '/identities/identity?api-version=2022-08-01';
const signPath = '/sign?api-version=2021-05-01';

type Options = Partial<Parameters<typeof EdgeDevice.start>[0]>;

async function startEdge(options: Options = {}): Promise<{ hub: LocalHub; edge: EdgeDevice }> {
  const hub = await startHub();
  const directory = temporaryDirectory();
  const edge = await EdgeDevice.start({ directory, hub, deviceId: 'device-1', ...options });
  onTestFinished(() => edge.stop());
  return { hub, edge };
}

async function keyHandle({ services: { identities } }: EdgeDevice): Promise<string> {
  const { body } = await askUnix(identities.path, 'GET', identityPath);
  return (body as { spec: { auth: { keyHandle: string } } }).spec.auth.keyHandle;
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Connects with a token that somebody else signs. */
async function connectSigned(
  hub: LocalHub,
  signed: (text: string) => Promise<unknown>,
): Promise<unknown> {
  const module = hub.registerModule('device-1');
  const resource = encodeURIComponent(`${hub.hubName}/devices/device-1/modules/azureiotsecurity`);
  const expiry = minutesFromNow(5);
  const signature = encodeURIComponent(String(await signed(`${resource}\n${expiry}`)));
  const password = `SharedAccessSignature sr=${resource}&sig=${signature}&se=${expiry}`;
  return RawClient.connect(connectOptions(hub, module, { password }));
}

const signatureOf =
  (edge: EdgeDevice, handle: string) =>
  async (text: string): Promise<unknown> => {
    const { body } = await askUnix(edge.services.keys.path, 'POST', signPath, {
      keyHandle: handle,
      algorithm: 'HMAC-SHA256',
      parameters: { message: base64(text) },
    });
    return (body as { signature?: string }).signature;
  };

describe('a program of the host on a device with IoT Edge', () => {
  it('learns which module it is, and connects with what the keys service signs for it', async () => {
    const { hub, edge } = await startEdge();
    const { status, body } = await askUnix(edge.services.identities.path, 'GET', identityPath);
    expect(status).toBe(200);
    expect(body).toEqual({
      type: 'aziot',
      spec: {
        hubName: hub.hubName,
        gatewayHost: `localhost:${hub.port}`,
        deviceId: 'device-1',
        moduleId: 'azureiotsecurity',
        genId: hub.registry.get({ deviceId: 'device-1', moduleId: 'azureiotsecurity' })
          .generationId,
        auth: { type: 'sas', keyHandle: expect.any(String) as unknown },
      },
    });
    expect(JSON.stringify(body)).not.toContain(hub.registerModule('device-1').primaryKey);
    const handle = await keyHandle(edge);
    await expect(connectSigned(hub, signatureOf(edge, handle))).resolves.toBeDefined();
  });

  it('gets another handle after the keys were rolled: the old one signs with the old key', async () => {
    const { hub, edge } = await startEdge();
    const before = await keyHandle(edge);
    expect(await keyHandle(edge)).toBe(before);
    hub.rollKeys('device-1');
    await expect(connectSigned(hub, signatureOf(edge, before))).rejects.toMatchObject({ code: 5 });
    const after = await keyHandle(edge);
    await expect(connectSigned(hub, signatureOf(edge, after))).resolves.toBeDefined();
  });

  it('is refused what it does not ask rightly', async () => {
    const { edge } = await startEdge();
    const { keys, identities } = edge.services;
    const handle = await keyHandle(edge);
    const right = {
      keyHandle: handle,
      algorithm: 'HMAC-SHA256',
      parameters: { message: base64('text') },
    };
    const sign = async (body: object | string, path = signPath): Promise<unknown> =>
      (await askUnix(keys.path, 'POST', path, body)).status;
    expect(await sign(right)).toBe(200);
    expect(await sign({ ...right, keyHandle: 'other' })).toBe(400);
    expect(await sign({ ...right, algorithm: 'ECDSA' })).toBe(400);
    expect(await sign({ ...right, parameters: { message: 'not base64!' } })).toBe(422);
    expect(await sign({ ...right, parameters: undefined })).toBe(422);
    expect(await sign(JSON.stringify(right))).toBe(415);
    expect(await sign(right, '/sign')).toBe(400);
    expect(await sign(right, '/sign?api-version=2030-01-01')).toBe(400);
    expect(await sign(right, '/decrypt?api-version=2021-05-01')).toBe(404);
    expect(await askUnix(identities.path, 'GET', '/identities?api-version=2022-08-01')).toEqual({
      status: 404,
      body: { message: 'not found' },
    });
    edge.restartKeys();
    expect(await sign(right)).toBe(400);
  });

  it('with a certificate gets that, and never its key', async () => {
    const certificate = await selfSigned({ commonName: 'device-1/azureiotsecurity' });
    const { hub, edge } = await startEdge({ certificate });
    hub.registerModule('device-1', 'azureiotsecurity', {
      type: 'selfSigned',
      primaryThumbprint: certificate.sha256Thumbprint,
      secondaryThumbprint: '',
    });
    const { body } = await askUnix(edge.services.identities.path, 'GET', identityPath);
    const { auth } = (body as { spec: { auth: Record<string, string> } }).spec;
    expect(auth).toMatchObject({ type: 'x509' });
    const path = `/certificates/${auth['certId'] ?? ''}?api-version=2020-09-01`;
    const { body: found } = await askUnix(edge.services.certificates.path, 'GET', path);
    expect(found).toEqual({ pem: certificate.certificatePem });
    expect(JSON.stringify([body, found])).not.toContain('PRIVATE KEY');
  });

  it('is told that a module is gone, and refused or left without an answer on demand', async () => {
    const { hub, edge } = await startEdge({ gatewayHost: 'parent' });
    const { identities } = edge.services;
    const calls: unknown[] = [];
    identities.onCall(({ status }) => calls.push(status));
    const told = (await askUnix(identities.path, 'GET', identityPath)).body;
    expect(told).toMatchObject({ spec: { gatewayHost: 'parent' } });
    await hub.registry.remove({ deviceId: 'device-1', moduleId: 'azureiotsecurity' });
    expect((await askUnix(identities.path, 'GET', identityPath)).status).toBe(404);
    identities.faults.refuse = { status: 401 };
    expect((await askUnix(identities.path, 'GET', identityPath)).status).toBe(401);
    identities.faults.refuse = 'silence';
    const asking = askUnix(identities.path, 'GET', identityPath);
    asking.catch(() => undefined);
    await expect.poll(() => calls).toEqual([200, 404, 401, undefined]);
    await edge.stop();
    await expect(asking).rejects.toThrow(/hang up/);
    expect(existsSync(identities.path)).toBe(false);
  });
});

describe('a container of IoT Edge', () => {
  it('connects with what the workload API signs, and is given whom to trust', async () => {
    const { hub, edge } = await startEdge();
    const { path } = edge.services.workload;
    const {
      IOTEDGE_MODULEID: moduleId = '',
      IOTEDGE_MODULEGENERATIONID: generation = '',
      IOTEDGE_APIVERSION: version = '',
      ...others
    } = edge.environment;
    expect(others).toEqual({
      IOTEDGE_WORKLOADURI: `unix://${path}`,
      IOTEDGE_DEVICEID: 'device-1',
      IOTEDGE_IOTHUBHOSTNAME: hub.hubName,
      IOTEDGE_GATEWAYHOSTNAME: `localhost:${hub.port}`,
      IOTEDGE_AUTHSCHEME: 'sasToken',
    });
    const sign = (id: string, gen: string, body: object): ReturnType<typeof askUnix> =>
      askUnix(path, 'POST', `/modules/${id}/genid/${gen}/sign?api-version=${version}`, body);
    const right = { keyId: 'primary', algo: 'HMACSHA256', data: base64('text') };
    await expect(
      connectSigned(hub, async (text) => {
        const { body } = await sign(moduleId, generation, { ...right, data: base64(text) });
        return (body as { digest: string }).digest;
      }),
    ).resolves.toBeDefined();
    expect((await sign('other', generation, right)).status).toBe(404);
    expect((await sign(moduleId, '1', right)).status).toBe(403);
    expect((await sign(moduleId, generation, { ...right, keyId: 'x' })).status).toBe(400);
    expect((await sign(moduleId, generation, { ...right, algo: 'SHA1' })).status).toBe(400);
    expect((await sign(moduleId, generation, { ...right, data: 'x' })).status).toBe(422);
    const { body } = await askUnix(path, 'GET', `/trust-bundle?api-version=${version}`);
    expect(body).toEqual({ certificate: readFileSync(hub.caFile, 'utf8') });
  });
});

describe('a socket', () => {
  it('outlives a client that leaves in the middle of its request', async () => {
    const { edge } = await startEdge();
    const { keys } = edge.services;
    const left = new Promise((resolve) => void keys.onCall(resolve));
    const client = connect(keys.path);
    client.write(`POST ${signPath} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"key`);
    await once(client, 'ready');
    client.destroy();
    await expect(left).resolves.toMatchObject({ status: 400 });
    const { status } = await askUnix(edge.services.identities.path, 'GET', identityPath);
    expect(status).toBe(200);
  });

  it('that was left behind is replaced, and one that cannot be is told of', async () => {
    const hub = await startHub();
    const directory = temporaryDirectory();
    const deviceId = 'device-1';
    const first = await EdgeDevice.start({ directory, hub, deviceId });
    const second = await EdgeDevice.start({ directory, hub, deviceId });
    expect(await keyHandle(second)).toBeDefined();
    await Promise.all([first.stop(), second.stop()]);
    for (const wrong of [join(directory, 'absent'), join(directory, 'x'.repeat(100))]) {
      await expect(EdgeDevice.start({ directory: wrong, hub, deviceId })).rejects.toThrow(
        /^The unix socket .* cannot be made/,
      );
    }
  });
});
