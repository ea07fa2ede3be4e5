import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { signWithKey } from '../../agent/identity/services/sas-token.js';
import type { LocalHub } from '../../local-hub/hub/local-hub.js';
import { socketService, type Asked, type Scripted } from './https-service.js';

export interface EdgeServices {
  readonly asked: Asked[];
  /** Answered instead of the right thing. */
  identityAnswer: Scripted | undefined;
  signAnswer: Scripted | undefined;
}

interface EdgeDevice {
  readonly hub: LocalHub;
  readonly deviceId: string;
  readonly moduleId?: string;
  readonly directory: string;
}

const handle = 'sr=the-handle-of-the-key';

const isJson = (body: string): boolean => body.startsWith('{');

/** The Identity Service and the Keys Service of IoT Edge on unix sockets; the latter signs with the module's key of now. */
export async function edgeServices({
  hub,
  deviceId,
  moduleId = 'azureiotsecurity',
  directory,
}: EdgeDevice): Promise<EdgeServices & { identitySocket: string; keySocket: string }> {
  const identitySocket = join(directory, 'identityd.sock');
  const keySocket = join(directory, 'keyd.sock');
  const services: EdgeServices = { asked: [], identityAnswer: undefined, signAnswer: undefined };
  const note = (asked: Asked): void => void services.asked.push(asked);
  const identity = (): Scripted => {
    const { hubName, gatewayHostName } = hub.registerModule(deviceId, moduleId);
    const auth = { type: 'sas', keyHandle: handle };
    const spec = {
      ...{ hubName, gatewayHost: gatewayHostName, deviceId, moduleId, genId: '1', auth },
    };
    return { body: { type: 'aziot', spec } };
  };
  await socketService((asked) => {
    note(asked);
    const right = asked.path === '/identities/identity?api-version=2022-08-01';
    return services.identityAnswer ?? (right ? identity() : { status: 404 });
  }, identitySocket);
  await socketService((asked) => {
    note(asked);
    if (services.signAnswer !== undefined) return services.signAnswer;
    if (asked.path !== '/sign?api-version=2021-05-01' || !isJson(asked.body)) {
      return { status: 400 };
    }
    const { algorithm, keyHandle, parameters } = JSON.parse(asked.body) as {
      algorithm: string;
      keyHandle: string;
      parameters: { message: string };
    };
    if (algorithm !== 'HMAC-SHA256' || keyHandle !== handle) return { status: 400 };
    return { body: { signature: signedFor(hub, deviceId, moduleId, parameters.message) } };
  }, keySocket);
  return Object.assign(services, { identitySocket, keySocket });
}

/** The workload API of a container of IoT Edge, with the variables that such a container has. */
export async function workloadApi({
  hub,
  deviceId,
  moduleId = 'azureiotsecurity',
  directory,
}: EdgeDevice): Promise<{ asked: Asked[]; environment: Record<string, string> }> {
  const socket = join(directory, 'workload.sock');
  const { hubName, gatewayHostName } = hub.registerModule(deviceId, moduleId);
  const asked = await socketService(({ path, body }) => {
    if (path === '/trust-bundle?api-version=2019-01-30') {
      return { body: { certificate: readFileSync(hub.caFile, 'utf8') } };
    }
    if (path !== `/modules/${moduleId}/genid/7/sign?api-version=2019-01-30`) return { status: 404 };
    const { keyId, algo, data } = JSON.parse(body) as Record<string, string>;
    if (keyId !== 'primary' || algo !== 'HMACSHA256' || data === undefined) return { status: 400 };
    return { body: { digest: signedFor(hub, deviceId, moduleId, data) } };
  }, socket);
  const environment = {
    IOTEDGE_WORKLOADURI: `unix://${socket}`,
    IOTEDGE_APIVERSION: '2019-01-30',
    IOTEDGE_AUTHSCHEME: 'sasToken',
    IOTEDGE_IOTHUBHOSTNAME: hubName,
    IOTEDGE_GATEWAYHOSTNAME: gatewayHostName,
    IOTEDGE_DEVICEID: deviceId,
    IOTEDGE_MODULEID: moduleId,
    IOTEDGE_MODULEGENERATIONID: '7',
  };
  return { asked, environment };
}

function signedFor(hub: LocalHub, deviceId: string, moduleId: string, base64: string): string {
  const { primaryKey } = hub.registerModule(deviceId, moduleId);
  return signWithKey(primaryKey)(Buffer.from(base64, 'base64').toString('utf8'));
}
