import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../../base/json.js';
import { Broker, type ConnectionEvent } from './broker.js';
import { DirectMethods, type MethodResult } from './direct-methods.js';
import { noFaults, type Faults } from './faults.js';
import { Front } from './front.js';
import { HubSettings } from './hub-settings.js';
import { Identities, type Authentication, type Identity } from './identities.js';
import { Inbox } from './inbox.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import type { ReceivedMessage } from './received-message.js';
import {
  registrationOf,
  type DeviceRegistration,
  type ModuleRegistration,
} from './registration.js';
import { Registry } from './registry.js';
import { Requests } from './requests.js';
import { SchemaCheck } from './schema-check.js';
import { openCertificates } from './server-certificate.js';
import { ServerTls } from './server-tls.js';
import { methodFilter } from './topics.js';
import { TwinBackEnd, type TwinChange } from './twin-back-end.js';
import { viewTwin, type TwinView } from './twin-service.js';

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

/** A stand-in IoT Hub on loopback, as devices see it; the methods are its back end. */
export class LocalHub {
  readonly hubName: string;
  readonly faults: Faults = noFaults();
  /** Who may connect, and how they prove who they are. */
  readonly registry: Registry;
  /** For other servers on loopback that clients shall trust in the same way. */
  readonly tls: ServerTls;
  readonly #methods = new DirectMethods();
  readonly #inbox = new Inbox();
  readonly #messageListeners = new Listeners<ReceivedMessage>();
  readonly #connectionListeners = new Listeners<ConnectionEvent>();
  readonly #twins: TwinBackEnd;
  readonly #front: Front;
  #broker!: Broker;

  private constructor(
    hubName: string,
    tls: ServerTls,
    identities: Identities,
    settings: HubSettings,
  ) {
    this.hubName = hubName;
    this.tls = tls;
    this.#twins = new TwinBackEnd(
      identities,
      (...parameters) => void this.#broker.sendTo(...parameters),
    );
    this.registry = new Registry({
      identities,
      settings,
      tls,
      disconnect: (address, reason) => this.#broker.disconnect(address, reason),
      loseSession: (address) => this.#broker.loseSession(address),
    });
    this.#front = new Front({
      tls,
      faults: this.faults,
      onMqtt: (stream, certificate) => this.#broker.accept(stream, certificate),
      onRequest: (_request, response) => response.writeHead(404, { connection: 'close' }).end(),
      onUpgrade: (_request, socket) => socket.destroy(),
    });
  }

  /** Starts on new or kept state. Rejects when a port is taken or the state cannot be read. */
  static async start(options: LocalHubOptions): Promise<LocalHub> {
    const { stateDirectory, hubName = 'local-hub.azure-devices.net' } = options;
    const certificate = await openCertificates(stateDirectory);
    const identities = Identities.open(join(stateDirectory, 'identities.json'));
    const settings = HubSettings.open(join(stateDirectory, 'hub.json'));
    if (options.forgetSessions === true) identities.forgetSessions();
    const tls = new ServerTls(certificate, () => settings.authorities);
    const hub = new LocalHub(hubName, tls, identities, settings);
    const requests = hub.#requests(identities);
    hub.#broker = await Broker.start({
      hubName,
      identities,
      settings,
      onPublication: (publication) => requests.onPublication(publication),
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

  /**
   * Registers the device and its module when they are new, with keys or as `authentication` says; gives their credentials
   * each time.
   */
  registerModule(
    deviceId: string,
    moduleId = 'azureiotsecurity',
    authentication?: Authentication,
  ): ModuleRegistration {
    return this.#registration(
      this.registry.register({ deviceId, moduleId }, authentication),
      moduleId,
    );
  }

  /** The same for a device alone. */
  registerDevice(deviceId: string, authentication?: Authentication): DeviceRegistration {
    const identity = this.registry.register({ deviceId }, authentication);
    return registrationOf(identity, this.hubName, this.port);
  }

  readTwin(deviceId: string, moduleId = 'azureiotsecurity'): TwinView {
    return viewTwin(this.#identity(deviceId, moduleId));
  }

  /** Merges into desired as the service's PATCH does; the device is told exactly `patch`. */
  patchDesired(deviceId: string, patch: JsonObject, moduleId = 'azureiotsecurity'): void {
    this.#twins.changeDesired(this.#identity(deviceId, moduleId), patch, 'patch');
  }

  /** Replaces desired as the service's PUT does; the device is told `null` for every key that vanished. */
  replaceDesired(deviceId: string, document: JsonObject, moduleId = 'azureiotsecurity'): void {
    this.#twins.changeDesired(this.#identity(deviceId, moduleId), document, 'replace');
  }

  /** Deletes the module and makes it again: new keys, empty twin, version 1, no session. */
  async recreateModule(
    deviceId: string,
    moduleId = 'azureiotsecurity',
  ): Promise<ModuleRegistration> {
    return this.#registration(await this.registry.recreate({ deviceId, moduleId }), moduleId);
  }

  /** New keys; the connection made with the old ones ends. */
  rollKeys(deviceId: string, moduleId = 'azureiotsecurity'): ModuleRegistration {
    return this.#registration(this.registry.rollKeys({ deviceId, moduleId }), moduleId);
  }

  /** A disabled device is refused, its modules with it; their connections end. */
  setDisabled(deviceId: string, disabled: boolean): void {
    this.registry.setDisabled(deviceId, disabled);
  }

  /** Calls a method of the module, as a back end does. */
  async callMethod(
    deviceId: string,
    name: string,
    payload: JsonValue,
    { moduleId = 'azureiotsecurity', timeoutMs = 30_000 } = {},
  ): Promise<MethodResult> {
    const identity = this.#identity(deviceId, moduleId);
    return this.#methods.call(name, payload, timeoutMs, (topic, body) =>
      this.#broker.sendTo(identity, methodFilter, topic, body),
    );
  }

  /** Forgets the subscriptions of the module and ends its connection. */
  async loseSession(deviceId: string, moduleId = 'azureiotsecurity'): Promise<void> {
    await this.#broker.loseSession(this.#identity(deviceId, moduleId));
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

  isConnected(deviceId: string, moduleId = 'azureiotsecurity'): boolean {
    return this.#broker.isConnected({ deviceId, moduleId });
  }

  /** What arrived since the start, oldest first; the newest 64 MB of it. */
  get messages(): readonly ReceivedMessage[] {
    return this.#inbox.messages;
  }

  clearMessages(): void {
    this.#inbox.clear();
  }

  /** Resolves with all messages so far as soon as they satisfy; rejects after `timeoutMs`. */
  awaitMessages(
    satisfied: (messages: readonly ReceivedMessage[]) => boolean,
    timeoutMs: number,
  ): Promise<readonly ReceivedMessage[]> {
    return this.#inbox.await(satisfied, timeoutMs);
  }

  /** Resolves with the twin as soon as it satisfies; rejects after `timeoutMs`. */
  async awaitTwin(
    deviceId: string,
    satisfied: (twin: TwinView) => boolean,
    timeoutMs: number,
    moduleId = 'azureiotsecurity',
  ): Promise<TwinView> {
    return this.#twins.await(this.#identity(deviceId, moduleId), satisfied, timeoutMs);
  }

  onMessage(listener: (message: ReceivedMessage) => void): Unsubscribe {
    return this.#messageListeners.add(listener);
  }

  onTwinChange(listener: (change: TwinChange) => void): Unsubscribe {
    return this.#twins.onChange(listener);
  }

  onConnection(listener: (event: ConnectionEvent) => void): Unsubscribe {
    return this.#connectionListeners.add(listener);
  }

  #identity(deviceId: string, moduleId: string): Identity {
    return this.registry.get({ deviceId, moduleId });
  }

  #registration(identity: Identity, moduleId: string): ModuleRegistration {
    return { ...registrationOf(identity, this.hubName, this.port), moduleId };
  }

  #requests(identities: Identities): Requests {
    return new Requests({
      identities,
      schema: new SchemaCheck(),
      methods: this.#methods,
      faults: this.faults,
      sendTo: (...parameters) => void this.#broker.sendTo(...parameters),
      onMessage: (message) => {
        this.#inbox.add(message);
        this.#messageListeners.tell(message);
      },
      onReported: (identity, version) => this.#twins.changed(identity, 'reported', version),
    });
  }
}
