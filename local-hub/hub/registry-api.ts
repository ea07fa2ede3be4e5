import { createHash, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { certificateOf } from './client-certificate.js';
import type { Faults } from './faults.js';
import type { Address, Identity } from './identities.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { checkProof, resourceOf } from './proof.js';
import type { Registry } from './registry.js';
import { CallAllowance } from './throttle.js';

interface RegistryApiOptions {
  readonly hubName: string;
  readonly registry: Pick<Registry, 'find'>;
  readonly faults: Readonly<Faults>;
  readonly isConnected: (address: Address) => boolean;
}

/** A read, and what came of it. */
export interface RegistryRead {
  readonly path: string;
  readonly status: number;
  /** Of a refusal; for the operator, because the client gets to know less. */
  readonly reason: string;
}

interface Answer {
  readonly status: number;
  /** Of a refusal: the name that the service has for it. */
  readonly code?: string;
  readonly reason: string;
  readonly module?: Identity;
  readonly retryAfterSeconds?: number | undefined;
}

const never = '0001-01-01T00:00:00';
const path = /^\/devices\/([^/]+)\/modules\/([^/]+)$/;

/** The part of IoT Hub's REST interface that a device may use: it reads its own module. */
export class RegistryApi {
  readonly #options: RegistryApiOptions;
  readonly #allowance = new CallAllowance();
  readonly #listeners = new Listeners<RegistryRead>();

  constructor(options: RegistryApiOptions) {
    this.#options = options;
  }

  onRead(listener: (read: RegistryRead) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = request.url ?? '';
    const answer = this.#answer(request, url);
    this.#listeners.tell({ path: url, status: answer.status, reason: answer.reason });
    const { status, retryAfterSeconds, module } = answer;
    const body = module === undefined ? refusalBody(answer) : this.#view(module);
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      ...(module !== undefined && { etag: `"${etagOf(module)}"` }),
      ...(retryAfterSeconds !== undefined && { 'retry-after': String(retryAfterSeconds) }),
      ...(answer.code !== undefined && { 'iothub-errorcode': answer.code }),
    };
    response.writeHead(status, headers).end(JSON.stringify(body));
  }

  #answer(request: IncomingMessage, url: string): Answer {
    const address = addressIn(url);
    if (address === undefined) return { status: 404, code: 'NotFound', reason: 'no such resource' };
    const { registryReadsPerMinute, refuseRegistryReads } = this.#options.faults;
    if (refuseRegistryReads !== undefined) {
      return { code: 'ServerError', reason: 'refused on demand', ...refuseRegistryReads };
    }
    const retryAfterSeconds = this.#allowance.take(registryReadsPerMinute, Date.now());
    if (retryAfterSeconds > 0) {
      const reason = `more than ${registryReadsPerMinute} calls of the registry in a minute`;
      return { status: 429, code: 'ThrottlingException', reason, retryAfterSeconds };
    }
    if (request.method !== 'GET') {
      return { status: 405, code: 'MethodNotAllowed', reason: `${request.method} is not GET` };
    }
    if (!/[?&]api-version=20\d\d-\d\d-\d\d(&|$)/.test(url)) {
      return { status: 400, code: 'ArgumentInvalid', reason: 'there is no api-version' };
    }
    return this.#read(request, address);
  }

  #read(request: IncomingMessage, { deviceId, moduleId }: Required<Address>): Answer {
    const { registry, hubName } = this.#options;
    const device = registry.find({ deviceId });
    if (device === undefined) {
      return { status: 404, code: 'DeviceNotFound', reason: `Device ${deviceId} not registered` };
    }
    const token = request.headers.authorization ?? '';
    const verdict = checkProof(token, certificateOf(request.socket), {
      identity: device,
      resource: resourceOf(hubName, { deviceId, moduleId }),
      // That switch is about connections of modules; this is the device.
      moduleSasDisabled: false,
      nowMs: Date.now(),
    });
    const unauthorized = { status: 401, code: 'IotHubUnauthorizedAccess' };
    if ('refused' in verdict) return { ...unauthorized, reason: verdict.refused };
    if (device.disabled === true) return { ...unauthorized, reason: 'the device is disabled' };
    const module = registry.find({ deviceId, moduleId });
    if (module === undefined) {
      const reason = `Module ${moduleId ?? ''} on device ${deviceId} not registered`;
      return { status: 404, code: 'ModuleNotFound', reason };
    }
    return { status: 200, reason: 'read', module };
  }

  #view(module: Identity): object {
    const { deviceId, moduleId, generationId, authentication } = module;
    const hasKeys = authentication.type === 'sas';
    const hasThumbprints = authentication.type === 'selfSigned';
    return {
      moduleId,
      managedBy: '',
      deviceId,
      generationId,
      etag: etagOf(module),
      connectionState: this.#options.isConnected(module) ? 'Connected' : 'Disconnected',
      connectionStateUpdatedTime: never,
      lastActivityTime: never,
      cloudToDeviceMessageCount: 0,
      authentication: {
        symmetricKey: {
          primaryKey: hasKeys ? module.primaryKey : null,
          secondaryKey: hasKeys ? module.secondaryKey : null,
        },
        x509Thumbprint: {
          primaryThumbprint: (hasThumbprints && authentication.primaryThumbprint) || null,
          secondaryThumbprint: (hasThumbprints && authentication.secondaryThumbprint) || null,
        },
        type: authentication.type,
      },
    };
  }
}

/** Undefined for what is not a module. */
function addressIn(url: string): Required<Address> | undefined {
  const [, deviceId, moduleId] = path.exec(url.split('?')[0] ?? '') ?? [];
  if (deviceId === undefined || moduleId === undefined) return undefined;
  try {
    return { deviceId: decodeURIComponent(deviceId), moduleId: decodeURIComponent(moduleId) };
  } catch {
    return undefined;
  }
}

/** Another one whenever the way changed by which the module proves itself. */
function etagOf({ generationId, authentication, primaryKey, secondaryKey }: Identity): string {
  return createHash('sha256')
    .update(JSON.stringify([generationId, authentication, primaryKey, secondaryKey]))
    .digest('base64')
    .slice(0, 12);
}

/** The form that IoT Hub has; what the token lacked is not told to who gave it. */
function refusalBody({ status, code = '', reason }: Answer): object {
  const told = status === 401 ? 'Unauthorized' : reason;
  const tracking = randomUUID().replaceAll('-', '');
  return {
    Message: `ErrorCode:${code};${told}`,
    ExceptionMessage: `Tracking ID:${tracking}-G:0-TimeStamp:${new Date().toISOString()}`,
  };
}
