import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import {
  readEdgeIdentity,
  signWithKeysService,
  type EdgeHost,
} from '../../../../agent/identity/services/identity-service.js';
import { ServiceError } from '../../../../agent/identity/services/service-error.js';
import {
  edgeContainer,
  readTrustBundle,
  signInContainer,
  type EdgeContainer,
} from '../../../../agent/identity/services/workload.js';
import { socketService, type Scripted } from '../../../support/https-service.js';

let directory: string;
let host: EdgeHost;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'edge-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  host = {
    identitySocket: join(directory, 'identityd.sock'),
    keySocket: join(directory, 'keyd.sock'),
    moduleId: 'azureiotsecurity',
    uid: 998,
    timeoutMs: 5_000,
  };
});

async function failureOf(work: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ServiceError);
  const failure = error as ServiceError;
  expect(failure.message).toMatch(/^Could not .* at .*: .*\.$/);
  expect(failure.message).not.toContain('TELLTALE');
  return failure;
}

const spec = {
  hubName: 'hub.example',
  gatewayHost: 'HUB.example',
  deviceId: 'device-1',
  moduleId: 'azureiotsecurity',
  auth: { type: 'sas', keyHandle: 'TELLTALE' },
};

async function identityFrom(answer: Scripted | 'silence'): Promise<unknown> {
  await socketService(() => answer, host.identitySocket);
  return readEdgeIdentity(host);
}

describe('the Identity Service', () => {
  it('says who the module is; the hub itself is no gateway', async () => {
    expect(await identityFrom({ body: { spec } })).toEqual({
      hostName: 'hub.example',
      gatewayHostName: undefined,
      deviceId: 'device-1',
      moduleId: 'azureiotsecurity',
      keyHandle: 'TELLTALE',
    });
  });

  it('names the gateway of a device under another one', async () => {
    const answer = { body: { spec: { ...spec, gatewayHost: 'parent.local' } } };
    expect(await identityFrom(answer)).toMatchObject({ gatewayHostName: 'parent.local' });
  });

  it('that is not there is told with what to install', async () => {
    const failure = await failureOf(readEdgeIdentity(host));
    expect(failure.kind).toBe('network');
    expect(failure.message).toContain('install IoT Edge or the package aziot-identity-service');
  });

  it('whose socket this user may not use is told with the group and the file to write', async () => {
    await socketService(() => ({ body: { spec } }), host.identitySocket);
    chmodSync(host.identitySocket, 0);
    const uid = process.geteuid?.();
    // Root may use every socket.
    if (uid === 0) process.seteuid?.(65_534);
    const failure = await failureOf(readEdgeIdentity(host)).finally(() => {
      if (uid === 0) process.seteuid?.(0);
    });
    expect(failure.kind).toBe('authorisation');
    expect(failure.message).toContain('make the user a member of the group aziotid');
    expect(failure.message).toContain(
      'write into /etc/aziot/identityd/config.d/azureiotsecurity.toml',
    );
    expect(failure.message).toContain('uid = 998');
    expect(failure.message).toContain('[Authentication / File Permissions]');
  });

  it.each([
    [{ status: 401 }, 'authorisation', 'does not know user 998'],
    [{ status: 404, body: 'TELLTALE' }, 'authorisation', 'the device is not provisioned'],
    [{ status: 500 }, 'unavailable', 'has trouble (500)'],
    [{ body: 'TELLTALE' }, 'protocol', 'the answer is not an identity'],
    [{ body: { spec: 'TELLTALE' } }, 'protocol', 'the answer is not an identity'],
    [
      { body: { spec: { ...spec, moduleId: undefined } } },
      'authorisation',
      'the identity of the device instead of a module',
    ],
    [
      { body: { spec: { ...spec, moduleId: 'other' } } },
      'authorisation',
      'the module other and not azureiotsecurity; correct identity.moduleId',
    ],
    [
      { body: { spec: { ...spec, auth: { type: 'x509', keyHandle: 'TELLTALE', certId: 'x' } } } },
      'authorisation',
      'the module proves itself by x509',
    ],
  ] as const)('that answers %j is told as what it is', async (answer, kind, said) => {
    const failure = await failureOf(identityFrom(answer));
    expect(failure.kind).toBe(kind);
    expect(failure.message).toContain(said);
  });

  it('that does not answer is given up', async () => {
    host = { ...host, timeoutMs: 50 };
    expect((await failureOf(identityFrom('silence'))).kind).toBe('timeout');
  });
});

describe('the Keys Service', () => {
  it('signs what it is given', async () => {
    const asked = await socketService(() => ({ body: { signature: 'c2ln' } }), host.keySocket);
    expect(await signWithKeysService(host, 'TELLTALE', 'a%2Fb\n1')).toBe('c2ln');
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      keyHandle: 'TELLTALE',
      algorithm: 'HMAC-SHA256',
      parameters: { message: Buffer.from('a%2Fb\n1').toString('base64') },
    });
  });

  it.each([
    [{ status: 400, body: 'TELLTALE' }, 'answered 400; check identity.edge.keySocket'],
    [{ body: {} }, 'the answer holds no signature'],
    [{ body: { signature: 7 } }, 'the answer holds no signature'],
  ])('that answers %j is told', async (answer, said) => {
    await socketService(() => answer, host.keySocket);
    const failure = await failureOf(signWithKeysService(host, 'TELLTALE', 'text'));
    expect(failure.message).toContain(said);
  });
});

describe('a container of IoT Edge', () => {
  const variables = {
    IOTEDGE_WORKLOADURI: 'unix:///run/work%20load.sock',
    IOTEDGE_IOTHUBHOSTNAME: 'hub.example',
    IOTEDGE_DEVICEID: 'device-1',
    IOTEDGE_MODULEID: 'azureiotsecurity',
    IOTEDGE_MODULEGENERATIONID: '7/8',
  };

  it('is known by its variables', () => {
    expect(edgeContainer({}, 1_000)).toBeUndefined();
    expect(edgeContainer(variables, 1_000)).toMatchObject({
      service: { at: { socketPath: '/run/work load.sock' }, timeoutMs: 1_000 },
      apiVersion: '2018-06-28',
      gatewayHostName: undefined,
      deviceId: 'device-1',
    });
    const overNetwork = { ...variables, IOTEDGE_WORKLOADURI: 'http://172.17.0.1:15581' };
    expect(edgeContainer(overNetwork, 1_000)).toMatchObject({
      service: { at: { host: '172.17.0.1', port: 15_581 } },
    });
  });

  it.each([
    [{ IOTEDGE_WORKLOADURI: 'ftp://x' }, 'IOTEDGE_WORKLOADURI is neither unix:// nor http://'],
    [{ IOTEDGE_WORKLOADURI: 'nonsense' }, 'IOTEDGE_WORKLOADURI is neither unix:// nor http://'],
    [{ IOTEDGE_DEVICEID: '' }, 'IOTEDGE_DEVICEID is missing'],
  ])('whose variables are not whole says which: %j', (change, said) => {
    const found = edgeContainer({ ...variables, ...change }, 1_000);
    expect(found).toEqual({ fault: expect.stringContaining(said) as string });
  });

  const inContainer = (): EdgeContainer =>
    edgeContainer(
      { ...variables, IOTEDGE_WORKLOADURI: `unix://${join(directory, 'workload.sock')}` },
      5_000,
    ) as EdgeContainer;

  it('has its tokens signed under its name and generation', async () => {
    const container = inContainer();
    const asked = await socketService(
      () => ({ body: { digest: 'c2ln' } }),
      join(directory, 'workload.sock'),
    );
    expect(await signInContainer(container, 'text')).toBe('c2ln');
    expect(asked).toMatchObject([
      { path: '/modules/azureiotsecurity/genid/7%2F8/sign?api-version=2018-06-28' },
    ]);
  });

  it('that Edge does not know is told, and a list of no certificates is not trusted', async () => {
    const container = inContainer();
    expect((await failureOf(signInContainer(container, 'text'))).message).toContain(
      'have IoT Edge mount it into the container',
    );
    await socketService(
      ({ method }) =>
        method === 'POST'
          ? { status: 404 }
          : {
              body: {
                certificate: '-----BEGIN CERTIFICATE-----\nTELLTALE\n-----END CERTIFICATE-----',
              },
            },
      join(directory, 'workload.sock'),
    );
    expect((await failureOf(signInContainer(container, 'text'))).message).toContain(
      'does not sign for azureiotsecurity in this container (404)',
    );
    expect((await failureOf(readTrustBundle(container))).message).toContain('holds no certificate');
  });
});
