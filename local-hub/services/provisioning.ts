import { HttpFront } from '../hub/http-front.js';
import { Listeners, type Unsubscribe } from '../hub/listeners.js';
import type { ServerTls } from '../hub/server-tls.js';
import { TlsListener } from '../hub/tls-listener.js';
import { EnrolmentList, type Verified } from './enrolment-list.js';
import {
  deriveKey,
  keysOf,
  newKeyPair,
  type Attestation,
  type Enrolment,
  type HubProof,
  type TargetHub,
} from './enrolments.js';
import {
  ProvisioningApi,
  type ProvisioningCall,
  type ProvisioningFaults,
} from './provisioning-api.js';
import { Registrations, type ForcedState, type RegistrationState } from './registrations.js';

export type { ProvisioningCall } from './provisioning-api.js';

interface ProvisioningOptions {
  /** Shows the same certificate as this. */
  readonly tls: ServerTls;
  /** On 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  readonly idScope?: string;
}

interface EnrolmentOptions {
  readonly hub: TargetHub;
  /** What the hub calls the device; its registration id when absent. */
  readonly deviceId?: string;
}

/**
 * A stand-in Device Provisioning Service on loopback, over HTTPS; the methods are its back end. Registration ids have no
 * case.
 */
export class ProvisioningService {
  readonly idScope: string;
  readonly faults: ProvisioningFaults = {
    refuse: undefined,
    pollsUntilAssigned: 1,
    retryAfterSeconds: 3,
    requestsPerMinute: 1000,
  };
  readonly #tls: ServerTls;
  readonly #listener: TlsListener;
  readonly #enrolments = new EnrolmentList();
  readonly #registrations = new Registrations();
  /** Of those that registered. */
  readonly #verified = new Map<string, Verified>();
  readonly #calls = new Listeners<ProvisioningCall>();

  private constructor(tls: ServerTls, idScope: string) {
    this.idScope = idScope;
    this.#tls = tls.withAuthorities(() => this.#enrolments.authorities);
    const api = new ProvisioningApi({
      idScope,
      enrolments: this.#enrolments,
      registrations: this.#registrations,
      faults: this.faults,
      provision: (id, verified) => this.#provision(id, verified),
      onCall: (call) => this.#calls.tell(call),
    });
    const http = new HttpFront(
      (request, response) => void api.handle(request, response),
      (_request, socket) => socket.destroy(),
    );
    this.#listener = new TlsListener(this.#tls, (socket) => http.take(socket));
  }

  /** Rejects with a sentence when the port is taken. */
  static async start(options: ProvisioningOptions): Promise<ProvisioningService> {
    const service = new ProvisioningService(options.tls, options.idScope ?? '0ne00LOCAL0');
    await service.#listener.start(options.port ?? 0);
    return service;
  }

  get port(): number {
    return this.#listener.port;
  }

  async stop(): Promise<void> {
    await this.#listener.stop();
  }

  onCall(listener: (call: ProvisioningCall) => void): Unsubscribe {
    return this.#calls.add(listener);
  }

  /** Lets one device be provisioned, by keys that are made here; gives the first of them, base64. */
  enrolDevice(registrationId: string, options: EnrolmentOptions): string {
    const keys = newKeyPair();
    this.enrol({ type: 'symmetricKey', ...keys }, options, registrationId);
    return keys.primaryKey;
  }

  /** Lets a group of devices be provisioned; gives what makes the key of a device, base64, of its registration id. */
  enrolGroup(options: EnrolmentOptions): (registrationId: string) => string {
    const keys = newKeyPair();
    this.enrol({ type: 'symmetricKey', ...keys }, options);
    return (registrationId) => deriveKey(keys.primaryKey, registrationId);
  }

  /** Lets one device, or without a registration id a group of them, be provisioned by this attestation. */
  enrol(attestation: Attestation, options: EnrolmentOptions, registrationId?: string): void {
    this.#enrolments.add({
      attestation,
      ...options,
      ...(registrationId !== undefined && { registrationId: registrationId.toLowerCase() }),
    });
    this.#tls.renew();
  }

  /** Does what the device's own software does when it registers, with a proof as it would give one. */
  async provision(registrationId: string, proof?: HubProof): Promise<void> {
    const id = registrationId.toLowerCase();
    const enrolment = this.#enrolments.of(id);
    await this.#provision(id, { enrolment, proof: proof ?? proofOf(id, enrolment) });
  }

  /**
   * Sends the device to another hub, where it is at once when it has registered before: the hub where it was then forgets
   * it and its modules.
   */
  async reassign(registrationId: string, hub: TargetHub): Promise<void> {
    const id = registrationId.toLowerCase();
    this.#enrolments.setHub(id, hub);
    const verified = this.#verified.get(id);
    if (verified !== undefined) await this.#provision(id, verified);
  }

  /** A device that is disabled is not provisioned any more, and told so. */
  setDisabled(registrationId: string, disabled: boolean): void {
    this.#enrolments.setDisabled(registrationId.toLowerCase(), disabled);
  }

  /** Says this of the registration, whatever it is; with undefined the truth again. */
  forceState(registrationId: string, state: ForcedState | undefined): void {
    this.#registrations.force(registrationId.toLowerCase(), state);
  }

  stateOf(registrationId: string): RegistrationState | undefined {
    return this.#registrations.find(registrationId.toLowerCase());
  }

  async #provision(id: string, verified: Verified): Promise<void> {
    const { enrolment, proof } = verified;
    this.#verified.set(id, verified);
    const hub = this.#enrolments.hubOf(id, enrolment);
    const { deviceId = id } = enrolment;
    await this.#registrations.assign(id, { hub, deviceId }, proof);
  }
}

/** What a device proves itself to its hub by, as far as its enrolment tells. */
function proofOf(registrationId: string, enrolment: Enrolment): HubProof {
  const { attestation } = enrolment;
  if (attestation.type === 'symmetricKey') {
    return { type: 'keys', ...keysOf(enrolment, attestation, registrationId) };
  }
  if (attestation.type === 'thumbprints') {
    const [primaryThumbprint = '', secondaryThumbprint = ''] = attestation.thumbprints;
    const authentication = { type: 'selfSigned', primaryThumbprint, secondaryThumbprint } as const;
    return { type: 'certificate', authentication };
  }
  throw new Error(`What ${registrationId} shows is known only once it has registered.`);
}
