import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { IssuedCertificate } from '../hub/certificates.js';
import type { Identity } from '../hub/identities.js';
import type { LocalHub } from '../hub/local-hub.js';
import { EdgeKeys, hmac, newHandle } from './edge-keys.js';
import type { ServiceRequest } from './http-service.js';
import { bodyOf, bytesOf, ServiceRefusal, UnixService } from './unix-service.js';

interface EdgeOptions {
  /** Holds the sockets; it has to be there. */
  readonly directory: string;
  readonly hub: Pick<LocalHub, 'hubName' | 'port' | 'caFile' | 'registry'>;
  readonly deviceId: string;
  readonly moduleId?: string;
  /** Of a module that is registered with one. */
  readonly certificate?: IssuedCertificate;
  /** What modules are to dial; this hub on loopback when absent. That of the hub itself means that there is no gateway. */
  readonly gatewayHost?: string;
}

interface Services {
  readonly identities: UnixService;
  readonly keys: UnixService;
  readonly certificates: UnixService;
  readonly workload: UnixService;
}

/** As of the services of IoT Edge 1.2 and later. */
const identityVersions = ['2020-09-01', '2021-12-01', '2022-08-01'];
const keyVersions = ['2020-09-01', '2021-05-01'];
const certificateVersions = ['2020-09-01'];
const workloadVersions = ['2018-06-28', '2019-01-30', '2019-10-22', '2020-07-07', '2020-10-10'];

const certificateId = 'module-id';

/**
 * What IoT Edge has on a device for those who are a module of it, on unix sockets: the services of identities, keys and
 * certificates for programs of the host, and the workload API for containers. Who asks is not looked at.
 */
export class EdgeDevice {
  readonly #options: EdgeOptions;
  readonly #moduleId: string;
  readonly #keys = new EdgeKeys();
  #services!: Services;

  private constructor(options: EdgeOptions) {
    this.#options = options;
    this.#moduleId = options.moduleId ?? 'azureiotsecurity';
  }

  /** Registers the module when it is new. Rejects when a socket cannot be made. */
  static async start(options: EdgeOptions): Promise<EdgeDevice> {
    const device = new EdgeDevice(options);
    options.hub.registry.register({ deviceId: options.deviceId, moduleId: device.#moduleId });
    const at = (name: string): string => join(options.directory, name);
    device.#services = {
      identities: await UnixService.start(at('identityd.sock'), identityVersions, (request) =>
        device.#identity(request),
      ),
      keys: await UnixService.start(at('keyd.sock'), keyVersions, (request) =>
        device.#keys.answer(request),
      ),
      certificates: await UnixService.start(at('certd.sock'), certificateVersions, (request) =>
        device.#certificate(request),
      ),
      workload: await UnixService.start(at('workload.sock'), workloadVersions, (request) =>
        device.#workload(request),
      ),
    };
    return device;
  }

  /** Where each listens, what it is asked, and how to have it misbehave. */
  get services(): Services {
    return this.#services;
  }

  /** What a container of the module finds in its environment. */
  get environment(): Readonly<Record<string, string>> {
    const { hub, deviceId } = this.#options;
    return {
      IOTEDGE_WORKLOADURI: `unix://${this.#services.workload.path}`,
      IOTEDGE_DEVICEID: deviceId,
      IOTEDGE_MODULEID: this.#moduleId,
      IOTEDGE_MODULEGENERATIONID: this.#module().generationId,
      IOTEDGE_IOTHUBHOSTNAME: hub.hubName,
      IOTEDGE_GATEWAYHOSTNAME: this.#gatewayHost(),
      IOTEDGE_AUTHSCHEME: 'sasToken',
      IOTEDGE_APIVERSION: '2018-06-28',
    };
  }

  /** Handles that were given before mean nothing any more. */
  restartKeys(): void {
    this.#keys.restart();
  }

  async stop(): Promise<void> {
    await Promise.all(Object.values(this.#services).map((service: UnixService) => service.stop()));
  }

  #gatewayHost(): string {
    const { hub, gatewayHost } = this.#options;
    return gatewayHost ?? `localhost:${hub.port}`;
  }

  /** As it is now; what was deleted meanwhile is a module that the service cannot find. */
  #module(): Identity {
    const { hub, deviceId } = this.#options;
    const module = hub.registry.find({ deviceId, moduleId: this.#moduleId });
    if (module === undefined) throw new ServiceRefusal(404, 'Hub client error');
    return module;
  }

  #identity({ method, path }: ServiceRequest): object {
    if (method !== 'GET' || path.join('/') !== 'identities/identity') {
      throw new ServiceRefusal(404, 'not found');
    }
    const module = this.#module();
    const { hubName } = this.#options.hub;
    const { deviceId, moduleId, generationId } = module;
    return {
      type: 'aziot',
      spec: {
        hubName,
        gatewayHost: this.#gatewayHost(),
        deviceId,
        moduleId,
        genId: generationId,
        auth: this.#auth(module),
      },
    };
  }

  #auth({ authentication, primaryKey }: Identity): object {
    if (authentication.type === 'sas') {
      return { type: 'sas', keyHandle: this.#keys.handleOf(primaryKey) };
    }
    return { type: 'x509', keyHandle: newHandle(), certId: certificateId };
  }

  #certificate({ method, path }: ServiceRequest): object {
    const { certificate } = this.#options;
    const isAsked = method === 'GET' && path.join('/') === `certificates/${certificateId}`;
    if (!isAsked || certificate === undefined) throw new ServiceRefusal(404, 'not found');
    return { pem: certificate.certificatePem };
  }

  #workload(request: ServiceRequest): object {
    const { method, path } = request;
    if (method === 'GET' && path.join('/') === 'trust-bundle') {
      return { certificate: readFileSync(this.#options.hub.caFile, 'utf8') };
    }
    const [modules, moduleId, genid, generationId, action] = path;
    const isSign = [modules, genid, action].join() === 'modules,genid,sign' && path.length === 5;
    if (method !== 'POST' || !isSign) throw new ServiceRefusal(404, 'not found');
    const module = this.#module();
    if (moduleId !== this.#moduleId) throw new ServiceRefusal(404, 'module not found');
    if (generationId !== module.generationId) throw new ServiceRefusal(403, 'other generation');
    const { keyId, algo, data } = bodyOf(request);
    const keys = { primary: module.primaryKey, secondary: module.secondaryKey };
    const key = keyId === 'primary' || keyId === 'secondary' ? keys[keyId] : undefined;
    if (key === undefined) throw new ServiceRefusal(400, 'keyId is neither primary nor secondary');
    if (algo !== 'HMACSHA256') throw new ServiceRefusal(400, 'algo is not HMACSHA256');
    return { digest: hmac(key, bytesOf(data, 'data')) };
  }
}
