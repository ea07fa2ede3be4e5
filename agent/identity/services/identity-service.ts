import { ServiceError } from './service-error.js';
import { jsonBody, textIn } from './exchange.js';
import { askLocal, subjectOf, type LocalService } from './local-service.js';
import { serviceTrouble } from './service-trouble.js';

const identityApiVersion = '2022-08-01';
const keysApiVersion = '2021-05-01';
const principals = '/etc/aziot/identityd/config.d';

/** The sockets of IoT Edge on the host, and what to say of this agent. */
export interface EdgeHost {
  readonly identitySocket: string;
  readonly keySocket: string;
  readonly moduleId: string;
  /** The user that the agent runs as, whom the services know by that. */
  readonly uid: number;
  readonly timeoutMs: number;
}

/** The module as the Identity Service knows it; the handle stands for its key, which stays with the Keys Service. */
export interface EdgeIdentity {
  readonly hostName: string;
  readonly gatewayHostName: string | undefined;
  readonly deviceId: string;
  readonly moduleId: string;
  readonly keyHandle: string;
}

/** What a device has to be told once so that its Identity Service makes the module and gives it to this user. */
export function principalRemedy({ moduleId, uid }: Pick<EdgeHost, 'moduleId' | 'uid'>): string {
  return (
    `write into ${principals}/${moduleId}.toml, which belongs to aziotid with mode 600: ` +
    `[[principal]] name = "${moduleId}" uid = ${uid} idtype = ["module"], each on a line of its own; ` +
    'then run: systemctl restart aziot-identityd'
  );
}

function identityService(host: EdgeHost): LocalService {
  return {
    at: { socketPath: host.identitySocket },
    timeoutMs: host.timeoutMs,
    absent:
      'there is no such socket; install IoT Edge or the package aziot-identity-service, or correct identity.edge.identitySocket',
    deaf: 'nobody listens there; run: systemctl restart aziot-identityd.socket aziot-identityd',
    forbidden: `user ${host.uid} may not use that socket; make the user a member of the group aziotid and restart the agent, and ${principalRemedy(host)} [Authentication / File Permissions]`,
  };
}

function keysService(host: EdgeHost): LocalService {
  return {
    at: { socketPath: host.keySocket },
    timeoutMs: host.timeoutMs,
    absent:
      'there is no such socket; install IoT Edge or the package aziot-identity-service, or correct identity.edge.keySocket',
    deaf: 'nobody listens there; run: systemctl restart aziot-keyd.socket aziot-keyd',
    forbidden: `user ${host.uid} may not use that socket; make the user a member of the group aziotks and restart the agent [Authentication / File Permissions]`,
  };
}

/**
 * Asks the Identity Service who this user is in the hub.
 * @throws ServiceError
 */
export async function readEdgeIdentity(host: EdgeHost): Promise<EdgeIdentity> {
  const service = identityService(host);
  const attempt = 'learn the identity of the module';
  const path = `/identities/identity?api-version=${identityApiVersion}`;
  const answer = await askLocal(service, attempt, 'GET', path);
  const subject = subjectOf(service, attempt);
  if (answer.status === 401 || answer.status === 403) {
    throw new ServiceError(
      'authorisation',
      `${subject}: it does not know user ${host.uid}; ${principalRemedy(host)} [Authentication / Unauthorized].`,
    );
  }
  if (answer.status === 404) {
    throw new ServiceError(
      'authorisation',
      `${subject}: the device is not provisioned, or its module was not made yet; look at: iotedge check, or aziotctl check [Authentication / Not Found].`,
    );
  }
  if (answer.status !== 200) throw serviceTrouble(answer, subject, 'identity.edge.identitySocket');
  const spec = jsonBody(answer)?.['spec'];
  const auth: unknown =
    typeof spec === 'object' && spec !== null ? Reflect.get(spec, 'auth') : undefined;
  const [hostName, deviceId, moduleId] = ['hubName', 'deviceId', 'moduleId'].map((key) =>
    textIn(spec, key, 256),
  );
  const [type, keyHandle] = [textIn(auth, 'type'), textIn(auth, 'keyHandle')];
  if (hostName === undefined || deviceId === undefined || type === undefined) {
    throw new ServiceError(
      'protocol',
      `${subject}: the answer is not an identity; update IoT Edge, or correct identity.edge.identitySocket [Authentication / Other].`,
    );
  }
  if (moduleId === undefined) {
    throw new ServiceError(
      'authorisation',
      `${subject}: it gives user ${host.uid} the identity of the device instead of a module; ${principalRemedy(host)} [Authentication / Other].`,
    );
  }
  if (moduleId !== host.moduleId) {
    throw new ServiceError(
      'authorisation',
      `${subject}: it gives user ${host.uid} the module ${moduleId} and not ${host.moduleId}; correct identity.moduleId, or ${principalRemedy(host)} [Authentication / Other].`,
    );
  }
  if (type !== 'sas' || keyHandle === undefined) {
    throw new ServiceError(
      'authorisation',
      `${subject}: the module proves itself by ${type}, whose key never leaves the Keys Service, so that only OpenSSL can use it; have the Identity Service give it symmetric keys [Authentication / Other].`,
    );
  }
  const gatewayHost = textIn(spec, 'gatewayHost', 256);
  const gatewayHostName =
    gatewayHost?.toLowerCase() === hostName.toLowerCase() ? undefined : gatewayHost;
  return { hostName, gatewayHostName, deviceId, moduleId, keyHandle };
}

/**
 * Has the Keys Service sign with HMAC-SHA256.
 * @returns base64
 * @throws ServiceError
 */
export async function signWithKeysService(
  host: EdgeHost,
  keyHandle: string,
  text: string,
): Promise<string> {
  const service = keysService(host);
  const attempt = 'have a token signed';
  const answer = await askLocal(service, attempt, 'POST', `/sign?api-version=${keysApiVersion}`, {
    keyHandle,
    algorithm: 'HMAC-SHA256',
    parameters: { message: Buffer.from(text).toString('base64') },
  });
  const subject = subjectOf(service, attempt);
  if (answer.status !== 200) throw serviceTrouble(answer, subject, 'identity.edge.keySocket');
  const signature = textIn(jsonBody(answer), 'signature', 256);
  if (signature !== undefined) return signature;
  throw new ServiceError(
    'protocol',
    `${subject}: the answer holds no signature; update IoT Edge, or correct identity.edge.keySocket [Authentication / Other].`,
  );
}
