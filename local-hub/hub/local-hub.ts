import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { BackEnd } from './back-end.js';
import { Broker, type ConnectionEvent } from './broker.js';
import type { ClientCertificate } from './client-certificate.js';
import { noFaults, type Faults } from './faults.js';
import { Front } from './front.js';
import { HubSettings } from './hub-settings.js';
import { Identities } from './identities.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import { RegistryApi } from './registry-api.js';
import { openCertificates } from './server-certificate.js';
import { ServerTls } from './server-tls.js';
import { webSockets } from './web-socket.js';

export type { ConnectionEvent } from './broker.js';
export type { Faults } from './faults.js';
export type { Authentication } from './identities.js';
export type { DeviceRegistration, ModuleRegistration } from './registration.js';
export type { ReceivedMessage } from './received-message.js';
export type { TwinChange } from './twin-back-end.js';
export type { TwinView } from './twin-service.js';

export interface LocalHubOptions {
  /** Keeps the certificates, keys, twins and subscriptions; made with mode 0700 when absent. */
  readonly stateDirectory: string;
  /** On 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  /** For HTTPS, likewise; IoT Hub has it on 443. */
  readonly httpsPort?: number;
  /** What clients call the hub; they dial `localhost` by their gateway host name. */
  readonly hubName?: string;
  /** The subscriptions of the last run are gone, as after a failover. */
  readonly forgetSessions?: boolean;
}

/** What devices call the provisioning service, whose stand-in shows the certificate of the hub. */
const provisioningHost = 'global.azure-devices-provisioning.net';

/** What is there before the hub is. */
interface Parts {
  readonly hubName: string;
  readonly tls: ServerTls;
  readonly identities: Identities;
  readonly settings: HubSettings;
}

/** A stand-in IoT Hub on loopback, as devices see it, with its back end. */
export class LocalHub extends BackEnd {
  readonly faults: Faults;
  /** For other servers on loopback that clients shall trust in the same way. */
  readonly tls: ServerTls;
  /** Devices reading their modules over HTTPS. */
  readonly registryApi: RegistryApi;
  readonly #connectionListeners = new Listeners<ConnectionEvent>();
  readonly #front: Front;
  #broker!: Broker;

  private constructor({ hubName, tls, identities, settings }: Parts) {
    const faults = noFaults();
    super({
      hubName,
      identities,
      settings,
      tls,
      faults,
      connections: () => this.#broker,
      port: () => this.port,
    });
    this.faults = faults;
    this.tls = tls;
    this.registryApi = new RegistryApi({
      hubName,
      faults,
      registry: this.registry,
      isConnected: (address) => this.#broker.isConnected(address),
    });
    const onMqtt = (stream: Duplex, certificate: ClientCertificate | undefined): void =>
      this.#broker.accept(stream, certificate);
    this.#front = new Front({
      tls,
      faults,
      onMqtt,
      onRequest: (request, response) => this.registryApi.handle(request, response),
      onUpgrade: webSockets(faults, onMqtt),
    });
  }

  /** Starts on new or kept state. Rejects when a port is taken or the state cannot be read. */
  static async start(options: LocalHubOptions): Promise<LocalHub> {
    const { stateDirectory, hubName = 'local-hub.azure-devices.net' } = options;
    const certificate = await openCertificates(stateDirectory, [hubName, provisioningHost]);
    const identities = Identities.open(join(stateDirectory, 'identities.json'));
    const settings = HubSettings.open(join(stateDirectory, 'hub.json'));
    if (options.forgetSessions === true) identities.forgetSessions();
    const tls = new ServerTls(certificate, () => settings.authorities);
    const hub = new LocalHub({ hubName, tls, identities, settings });
    hub.#broker = await Broker.start({
      hubName,
      identities,
      settings,
      onPublication: (publication) => hub.requests.onPublication(publication),
      onConnection: (event) => hub.#connectionListeners.tell(event),
      faults: hub.faults,
    });
    await hub.#front.start(options.port ?? 0, options.httpsPort ?? 0);
    return hub;
  }

  /** The authority that clients have to trust, PEM. */
  get caFile(): string {
    return this.tls.caFile;
  }

  get port(): number {
    return this.#front.ports.mqtt;
  }

  /** Of HTTPS. */
  get httpsPort(): number {
    return this.#front.ports.https;
  }

  /** Ends every connection and stops listening; `start` with the same directory and ports goes on. */
  async stop(): Promise<void> {
    await this.#broker.stop();
    await this.#front.stop();
  }

  /** Ends every connection: in order (`fin`), or as a broken network does (`rst`). */
  dropConnections(how: 'fin' | 'rst' = 'fin'): void {
    this.#broker.expectEnd('dropped on demand');
    this.#front.dropConnections(how);
  }

  /** Leaves the present connections half-open: from now on nothing on them is read or answered. */
  freezeConnections(): void {
    this.#front.freezeConnections();
  }

  onConnection(listener: (event: ConnectionEvent) => void): Unsubscribe {
    return this.#connectionListeners.add(listener);
  }
}
