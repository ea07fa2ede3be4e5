import type { JsonObject, JsonValue } from '../../base/json.js';
import { DirectMethods, type MethodResult } from './direct-methods.js';
import type { Faults } from './faults.js';
import type { HubSettings } from './hub-settings.js';
import type { Address, Authentication, Identities, Identity } from './identities.js';
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
import type { ServerTls } from './server-tls.js';
import { methodFilter } from './topics.js';
import { TwinBackEnd, type TwinChange } from './twin-back-end.js';
import { viewTwin, type TwinView } from './twin-service.js';

/** The connections of devices, as the back end acts on them. */
interface Connections {
  /** Publishes to a client when it is connected and subscribed, and says whether it was. */
  sendTo(address: Address, filter: string, topic: string, body: string): boolean;
  disconnect(address: Address, reason: string): void;
  loseSession(address: Address): Promise<void>;
  isConnected(address: Address): boolean;
}

interface BackEndOptions {
  readonly hubName: string;
  readonly identities: Identities;
  readonly settings: HubSettings;
  readonly tls: ServerTls;
  readonly faults: Readonly<Faults>;
  readonly connections: () => Connections;
  /** On which devices connect. */
  readonly port: () => number;
}

/** What the owner of a hub sees and does: who is registered, their twins, their methods, their messages. */
export class BackEnd {
  readonly hubName: string;
  /** Who may connect, and how they prove who they are. */
  readonly registry: Registry;
  /** Answers what devices publish. */
  protected readonly requests: Requests;
  readonly #connections: () => Connections;
  readonly #port: () => number;
  readonly #methods = new DirectMethods();
  readonly #inbox = new Inbox();
  readonly #messageListeners = new Listeners<ReceivedMessage>();
  readonly #twins: TwinBackEnd;

  constructor({ hubName, identities, settings, tls, faults, connections, port }: BackEndOptions) {
    this.hubName = hubName;
    this.#connections = connections;
    this.#port = port;
    const sendTo: Connections['sendTo'] = (...parameters) => connections().sendTo(...parameters);
    this.#twins = new TwinBackEnd(identities, sendTo);
    this.registry = new Registry({
      identities,
      settings,
      tls,
      disconnect: (address, reason) => connections().disconnect(address, reason),
      loseSession: (address) => connections().loseSession(address),
    });
    this.requests = new Requests({
      identities,
      schema: new SchemaCheck(),
      methods: this.#methods,
      faults,
      sendTo,
      onMessage: (message) => {
        this.#inbox.add(message);
        this.#messageListeners.tell(message);
      },
      onReported: (identity, version) => this.#twins.changed(identity, 'reported', version),
    });
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
    return registrationOf(identity, this.hubName, this.#port());
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
      this.#connections().sendTo(identity, methodFilter, topic, body),
    );
  }

  /** Forgets the subscriptions of the module and ends its connection. */
  async loseSession(deviceId: string, moduleId = 'azureiotsecurity'): Promise<void> {
    await this.#connections().loseSession(this.#identity(deviceId, moduleId));
  }

  isConnected(deviceId: string, moduleId = 'azureiotsecurity'): boolean {
    return this.#connections().isConnected({ deviceId, moduleId });
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

  #identity(deviceId: string, moduleId: string): Identity {
    return this.registry.get({ deviceId, moduleId });
  }

  #registration(identity: Identity, moduleId: string): ModuleRegistration {
    return { ...registrationOf(identity, this.hubName, this.#port()), moduleId };
  }
}
