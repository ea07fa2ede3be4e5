import { describe, expect, it } from 'vitest';
import { Authority, selfSigned, type IssuedCertificate } from '../../local-hub/hub/certificates.js';
import type { DeviceRegistration, LocalHub } from '../../local-hub/hub/local-hub.js';
import { CallAllowance } from '../../local-hub/hub/throttle.js';
import { connectOptions, minutesFromNow, RawClient, startHub } from '../support/hub-fixture.js';
import { askHttps, type HttpsAnswer } from '../support/https-request.js';
import { sasToken } from '../support/sas-token.js';

const modulePath = '/devices/device-1/modules/azureiotsecurity?api-version=2021-04-12';

interface Reading {
  readonly path?: string;
  readonly token?: string | undefined;
  readonly certificate?: IssuedCertificate;
  readonly method?: string;
  readonly port?: number;
}

function read(hub: LocalHub, reading: Reading = {}): Promise<HttpsAnswer> {
  const { path = modulePath, token, port = hub.httpsPort, ...rest } = reading;
  const headers = token === undefined ? {} : { authorization: token };
  return askHttps({ port, caFile: hub.caFile, path, headers, ...rest });
}

/** A token of the device, for all of it unless another scope is given. */
function tokenOf(
  { hubName, deviceId, primaryKey }: DeviceRegistration,
  scope = `${hubName}/devices/${deviceId}`,
  minutes = 5,
): string {
  return sasToken(encodeURIComponent(scope), primaryKey, minutesFromNow(minutes));
}

const refusal = (code: string): object => ({
  Message: expect.stringMatching(new RegExp(`^ErrorCode:${code};`)) as unknown,
  ExceptionMessage: expect.stringMatching(/^Tracking ID:[0-9a-f]{32}-.*-TimeStamp:20/) as unknown,
});

describe('a device that reads its module over HTTPS', () => {
  it('gets its keys with a token for itself, or for the whole hub, on the port of HTTPS and on that of MQTT', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const device = hub.registerDevice('device-1');
    for (const [scope, port] of [
      [undefined, hub.httpsPort],
      [hub.hubName, hub.httpsPort],
      [hub.hubName.toUpperCase(), hub.port],
    ] as const) {
      const { status, body } = await read(hub, { token: tokenOf(device, scope), port });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        deviceId: 'device-1',
        moduleId: 'azureiotsecurity',
        connectionState: 'Disconnected',
        authentication: {
          type: 'sas',
          symmetricKey: { primaryKey: module.primaryKey, secondaryKey: module.secondaryKey },
          x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
        },
      });
    }
  });

  it('gets the new keys after they were rolled, with another etag, and sees that the module is connected', async () => {
    const hub = await startHub();
    hub.registerModule('device-1');
    const token = tokenOf(hub.registerDevice('device-1'));
    const before = await read(hub, { token });
    const rolled = hub.rollKeys('device-1');
    await RawClient.connect(connectOptions(hub, rolled));
    const after = await read(hub, { token });
    expect(after.body).toMatchObject({
      connectionState: 'Connected',
      authentication: { symmetricKey: { primaryKey: rolled.primaryKey } },
    });
    expect(after.headers.etag).not.toBe(before.headers.etag);
  });

  it('gets no keys of a module that is known by a certificate, and its thumbprints', async () => {
    const hub = await startHub();
    const { sha1Thumbprint: primaryThumbprint } = await selfSigned({ commonName: 'x' });
    const token = tokenOf(hub.registerDevice('device-1'));
    const noKeys = { primaryKey: null, secondaryKey: null };
    hub.registerModule('device-1', 'azureiotsecurity', {
      type: 'selfSigned',
      primaryThumbprint,
      secondaryThumbprint: '',
    });
    expect((await read(hub, { token })).body).toMatchObject({
      authentication: {
        type: 'selfSigned',
        symmetricKey: noKeys,
        x509Thumbprint: { primaryThumbprint, secondaryThumbprint: null },
      },
    });
    hub.registerModule('device-1', 'azureiotsecurity', { type: 'certificateAuthority' });
    expect((await read(hub, { token })).body).toMatchObject({
      authentication: {
        type: 'certificateAuthority',
        symmetricKey: noKeys,
        x509Thumbprint: { primaryThumbprint: null },
      },
    });
  });

  it('may show a certificate instead, by thumbprint or by authority, and then no token', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const certificate = await selfSigned({ commonName: 'device-1' });
    const primaryThumbprint = certificate.sha256Thumbprint;
    const device = hub.registerDevice('device-1', {
      type: 'selfSigned',
      primaryThumbprint,
      secondaryThumbprint: '',
    });
    expect(await read(hub, { certificate })).toMatchObject({
      status: 200,
      body: { authentication: { symmetricKey: { primaryKey: module.primaryKey } } },
    });
    expect(await read(hub, { certificate, token: tokenOf(device) })).toMatchObject({ status: 401 });
    const stranger = await selfSigned({ commonName: 'device-1' });
    expect(await read(hub, { certificate: stranger })).toMatchObject({ status: 401 });

    const authority = await Authority.create('CA');
    hub.registry.addAuthority(authority.certificatePem);
    hub.registerDevice('device-1', { type: 'certificateAuthority' });
    const issued = await authority.issue({ commonName: 'device-1' });
    const other = await authority.issue({ commonName: 'device-2' });
    expect(await read(hub, { certificate: issued })).toMatchObject({ status: 200 });
    expect(await read(hub, { certificate: other })).toMatchObject({ status: 401 });
  });

  it('is told nothing but 401 with a token that is wrong in any way, and when it is disabled', async () => {
    const hub = await startHub();
    const module = hub.registerModule('device-1');
    const device = hub.registerDevice('device-1');
    const right = tokenOf(device);
    const wrong = {
      'none at all': undefined,
      'another key': tokenOf(hub.registerDevice('device-2'), `${hub.hubName}/devices/device-1`),
      'the key of the module': tokenOf(module),
      'another device': tokenOf(device, `${hub.hubName}/devices/device-2`),
      'the beginning of its name': tokenOf(device, `${hub.hubName}/devices/device`),
      'another hub': tokenOf(device, 'other.azure-devices.net/devices/device-1'),
      'the past': tokenOf(device, undefined, -1),
      'a policy': `${right}&skn=iothubowner`,
      'no signature': right.replace(/&sig=[^&]*/, ''),
    };
    for (const [name, token] of Object.entries(wrong)) {
      const { status, body } = await read(hub, { token });
      expect({ name, status }).toEqual({ name, status: 401 });
      expect(body).toEqual(refusal('IotHubUnauthorizedAccess'));
      expect(JSON.stringify(body)).toContain(';Unauthorized"');
    }
    hub.setDisabled('device-1', true);
    expect(await read(hub, { token: right })).toMatchObject({ status: 401 });
  });

  it('is told which is not there, the device or the module', async () => {
    const hub = await startHub();
    const device = hub.registerDevice('device-1');
    const token = tokenOf(device);
    expect(await read(hub, { token })).toMatchObject({
      status: 404,
      body: refusal('ModuleNotFound'),
    });
    const path = modulePath.replace('device-1', 'device-2');
    expect(await read(hub, { token, path })).toMatchObject({
      status: 404,
      body: refusal('DeviceNotFound'),
    });
  });

  it('has to percent-encode its id, to give a version, and to read only', async () => {
    const hub = await startHub();
    hub.registerModule('a%b#c?d');
    const token = tokenOf(hub.registerDevice('a%b#c?d'));
    const path = modulePath.replace('device-1', encodeURIComponent('a%b#c?d'));
    expect(await read(hub, { token, path })).toMatchObject({
      status: 200,
      body: { deviceId: 'a%b#c?d' },
    });
    expect(await read(hub, { token, path: path.replace('%25', '%') })).toMatchObject({
      status: 404,
    });
    expect(await read(hub, { token, path: path.replace(/\?.*/, '') })).toMatchObject({
      status: 400,
      body: refusal('ArgumentInvalid'),
    });
    expect(await read(hub, { token, path, method: 'DELETE' })).toMatchObject({ status: 405 });
  });

  it('is throttled when it asks too often, and refused on demand', async () => {
    const hub = await startHub();
    hub.registerModule('device-1');
    const token = tokenOf(hub.registerDevice('device-1'));
    const reads: number[] = [];
    hub.registryApi.onRead(({ status }) => reads.push(status));
    hub.faults.registryReadsPerMinute = 2;
    for (const status of [200, 200, 429]) {
      expect(await read(hub, { token })).toMatchObject({ status });
    }
    const { headers, body } = await read(hub, { token });
    expect(body).toEqual(refusal('ThrottlingException'));
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    hub.faults.registryReadsPerMinute = 100;
    hub.faults.refuseRegistryReads = { status: 503, retryAfterSeconds: 7 };
    expect(await read(hub, { token })).toMatchObject({
      status: 503,
      headers: { 'retry-after': '7' },
      body: refusal('ServerError'),
    });
    expect(reads).toEqual([200, 200, 429, 429, 503]);
  });
});

describe('the allowance of calls', () => {
  it('is there at once, is used up, and comes back evenly', () => {
    const allowance = new CallAllowance();
    expect([1, 2, 3].map(() => allowance.take(3, 1_000))).toEqual([0, 0, 0]);
    expect(allowance.take(3, 1_000)).toBe(20);
    expect(allowance.take(3, 11_000)).toBe(10);
    expect(allowance.take(3, 21_000)).toBe(0);
    expect(allowance.take(3, 21_000)).toBe(20);
  });
});
