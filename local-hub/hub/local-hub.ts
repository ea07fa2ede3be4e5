import { join } from 'node:path';
import type { JsonObject, JsonValue } from '../../base/json.js';
import { Broker, type ConnectionEvent } from './broker.js';
import { openCertificates } from './certificates.js';
import { DirectMethods, type MethodResult } from './direct-methods.js';
import { noFaults, type Faults } from './faults.js';
import { Identities, type Identity } from './identities.js';
import { Inbox } from './inbox.js';
import { Listeners, type Unsubscribe } from './listeners.js';
import type { ReceivedMessage } from './received-message.js';
import { registrationOf, type ModuleRegistration } from './registration.js';
import { Requests } from './requests.js';
import { SchemaCheck } from './schema-check.js';
import { desiredFilter, methodFilter } from './topics.js';
import { changeDesired, viewTwin, type TwinView } from './twin-service.js';

export type { ConnectionEvent } from './broker.js';
export type { Faults } from './faults.js';
export type { ModuleRegistration } from './registration.js';
export type { ReceivedMessage } from './received-message.js';
export type { TwinView } from './twin-service.js';

export interface LocalHubOptions {
  /** Keeps the certificates, keys, twins and subscriptions; made with mode 0700 when absent. */
  readonly stateDirectory: string;
  /** On 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  /** What clients call the hub; they dial `localhost` by their gateway host name. */
  readonly hubName?: string;
  /** The subscriptions of the last run are gone, as after a failover. */
  readonly forgetSessions?: boolean;
}

/** A change of a twin, by the device (`reported`) or by the back end (`desired`). */
export interface TwinChange {
  readonly deviceId: string;
  readonly moduleId: string | undefined;
  readonly section: 'desired' | 'reported';
  readonly version: number;
}

/** A stand-in IoT Hub on loopback, as devices see it over MQTT; the methods are its back end. */
export class LocalHub {
  readonly hubName: string;
  /** The authority that clients have to trust, PEM. */
  readonly caFile: string;
  readonly faults: Faults = noFaults();
  readonly #identities: Identities;
  readonly #methods = new DirectMethods();
  readonly #inbox = new Inbox();
  readonly #messageListeners = new Listeners<ReceivedMessage>();
  readonly #twinListeners = new Listeners<TwinChange>();
  readonly #connectionListeners = new Listeners<ConnectionEvent>();
  #broker!: Broker;

  private constructor(hubName: string, caFile: string, identities: Identities) {
    this.hubName = hubName;
    this.caFile = caFile;
    this.#identities = identities;
  }

  /** Starts on new or kept state. Rejects when the port is taken or the state cannot be read. */
  static async start(options: LocalHubOptions): Promise<LocalHub> {
    const { stateDirectory, port = 0, hubName = 'local-hub.azure-devices.net' } = options;
    const certificate = await openCertificates(stateDirectory);
    const identities = Identities.open(join(stateDirectory, 'identities.json'));
    if (options.forgetSessions === true) identities.forgetSessions();
    const hub = new LocalHub(hubName, certificate.caFile, identities);
    const requests = hub.#requests();
    hub.#broker = await Broker.start({
      port,
      hubName,
      certificate,
      identities,
      onPublication: (publication) => requests.onPublication(publication),
      onConnection: (event) => hub.#connectionListeners.tell(event),
      faults: hub.faults,
    });
    return hub;
  }

  get port(): number {
    return this.#broker.port;
  }

  /** Ends every connection and stops listening; `start` with the same directory and port goes on. */
  async stop(): Promise<void> {
    await this.#broker.stop();
  }

  /** Registers the device and its module when they are new; gives their credentials each time. */
  registerModule(deviceId: string, moduleId = 'azureiotsecurity'): ModuleRegistration {
    this.#identities.register({ deviceId });
    this.#identities.register({ deviceId, moduleId });
    return this.#registration(deviceId, moduleId);
  }

  readTwin(deviceId: string, moduleId = 'azureiotsecurity'): TwinView {
    return viewTwin(this.#identity(deviceId, moduleId));
  }

  /** Merges into desired as the service's PATCH does; the device is told exactly `patch`. */
  patchDesired(deviceId: string, patch: JsonObject, moduleId = 'azureiotsecurity'): void {
    this.#changeDesired(this.#identity(deviceId, moduleId), patch, 'patch');
  }

  /** Replaces desired as the service's PUT does; the device is told `null` for every key that vanished. */
  replaceDesired(deviceId: string, document: JsonObject, moduleId = 'azureiotsecurity'): void {
    this.#changeDesired(this.#identity(deviceId, moduleId), document, 'replace');
  }

  /** Deletes the module and makes it again: new keys, empty twin, version 1, no session. */
  async recreateModule(
    deviceId: string,
    moduleId = 'azureiotsecurity',
  ): Promise<ModuleRegistration> {
    const identity = this.#identity(deviceId, moduleId);
    this.#broker.disconnect(identity, 'the module was deleted and made again');
    this.#identities.recreate(identity);
    await this.#broker.loseSession(identity);
    return this.#registration(deviceId, moduleId);
  }

  /** New keys; the connection made with the old ones ends. */
  rollKeys(deviceId: string, moduleId = 'azureiotsecurity'): ModuleRegistration {
    const identity = this.#identity(deviceId, moduleId);
    this.#identities.rollKeys(identity);
    this.#broker.disconnect(identity, 'the keys were rolled');
    return this.#registration(deviceId, moduleId);
  }

  /** A disabled device is refused, its modules with it; their connections end. */
  setDisabled(deviceId: string, disabled: boolean): void {
    const device = this.#identities.register({ deviceId });
    this.#identities.setDisabled(device, disabled);
    if (!disabled) return;
    for (const identity of this.#identities.all()) {
      if (identity.deviceId === deviceId) {
        this.#broker.disconnect(identity, 'the device was disabled');
      }
    }
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
    this.#broker.dropConnections(how);
  }

  /** Leaves the present connections half-open: from now on nothing on them is read or answered. */
  freezeConnections(): void {
    this.#broker.freezeConnections();
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
    const current = this.readTwin(deviceId, moduleId);
    if (satisfied(current)) return current;
    return new Promise((resolve, reject) => {
      const stop = this.onTwinChange((change) => {
        if (change.deviceId !== deviceId || change.moduleId !== moduleId) return;
        const twin = this.readTwin(deviceId, moduleId);
        if (!satisfied(twin)) return;
        clearTimeout(timer);
        stop();
        resolve(twin);
      });
      const timer = setTimeout(() => {
        stop();
        const { reported } = this.readTwin(deviceId, moduleId);
        const shown = JSON.stringify(reported).slice(0, 2000);
        reject(new Error(`The awaited twin did not come in ${timeoutMs} ms; reported: ${shown}`));
      }, timeoutMs);
    });
  }

  onMessage(listener: (message: ReceivedMessage) => void): Unsubscribe {
    return this.#messageListeners.add(listener);
  }

  onTwinChange(listener: (change: TwinChange) => void): Unsubscribe {
    return this.#twinListeners.add(listener);
  }

  onConnection(listener: (event: ConnectionEvent) => void): Unsubscribe {
    return this.#connectionListeners.add(listener);
  }

  #identity(deviceId: string, moduleId: string): Identity {
    const identity = this.#identities.find({ deviceId, moduleId });
    if (identity === undefined) throw new Error(`${deviceId}/${moduleId} is not registered.`);
    return identity;
  }

  #registration(deviceId: string, moduleId: string): ModuleRegistration {
    const identity = this.#identity(deviceId, moduleId);
    return registrationOf(identity, moduleId, this.hubName, this.port);
  }

  #changeDesired(identity: Identity, change: JsonObject, how: 'patch' | 'replace'): void {
    const notice = changeDesired(identity, this.#identities, change, how);
    const version = identity.twin.desiredVersion;
    const topic = `${desiredFilter.slice(0, -1)}?$version=${version}`;
    this.#broker.sendTo(identity, desiredFilter, topic, JSON.stringify(notice));
    this.#tellTwinChange(identity, 'desired', version);
  }

  #tellTwinChange(
    { deviceId, moduleId }: Identity,
    section: TwinChange['section'],
    version: number,
  ): void {
    this.#twinListeners.tell({ deviceId, moduleId, section, version });
  }

  #requests(): Requests {
    return new Requests({
      identities: this.#identities,
      schema: new SchemaCheck(),
      methods: this.#methods,
      faults: this.faults,
      sendTo: (...parameters) => void this.#broker.sendTo(...parameters),
      onMessage: (message) => {
        this.#inbox.add(message);
        this.#messageListeners.tell(message);
      },
      onReported: (identity, version) => this.#tellTwinChange(identity, 'reported', version),
    });
  }
}
