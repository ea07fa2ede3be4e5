import { X509Certificate } from 'node:crypto';
import type { HubSettings } from './hub-settings.js';
import {
  clientIdOf,
  type Address,
  type Authentication,
  type Identities,
  type Identity,
} from './identities.js';
import type { ServerTls } from './server-tls.js';

/*
 * 1. A change of what proves an identity ends the connection that was made with the old proof.
 * 2. A module stands and falls with its device.
 */

interface RegistryOptions {
  readonly identities: Identities;
  readonly settings: HubSettings;
  readonly tls: ServerTls;
  readonly disconnect: (address: Address, reason: string) => void;
  /** Also forgets what the client subscribed. */
  readonly loseSession: (address: Address) => Promise<void>;
}

/** The back end's side of who may connect, and how they prove who they are. */
export class Registry {
  readonly #options: RegistryOptions;

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  find(address: Address): Identity | undefined {
    return this.#options.identities.find(address);
  }

  /** @throws Error for what is not registered */
  get(address: Address): Identity {
    const identity = this.find(address);
    if (identity === undefined) throw new Error(`${clientIdOf(address)} is not registered.`);
    return identity;
  }

  /** Registers a device, or a module and its device, when new; changes how it proves itself when that is given. */
  register(address: Address, authentication?: Authentication): Identity {
    const { identities } = this.#options;
    identities.register({ deviceId: address.deviceId });
    const identity = identities.register(address);
    if (authentication !== undefined) this.setAuthentication(address, authentication);
    return identity;
  }

  setAuthentication(address: Address, authentication: Authentication): void {
    const identity = this.get(address);
    if (JSON.stringify(identity.authentication) === JSON.stringify(authentication)) return;
    this.#options.identities.setAuthentication(identity, authentication);
    this.#options.disconnect(address, 'the way it proves itself was changed');
  }

  rollKeys(address: Address): Identity {
    const identity = this.get(address);
    this.#options.identities.rollKeys(identity);
    this.#options.disconnect(address, 'the keys were rolled');
    return identity;
  }

  /** Keys that were made elsewhere, base64. */
  setKeys(address: Address, primaryKey: string, secondaryKey: string): void {
    const identity = this.get(address);
    if (identity.primaryKey === primaryKey && identity.secondaryKey === secondaryKey) return;
    this.#options.identities.setKeys(identity, primaryKey, secondaryKey);
    this.#options.disconnect(address, 'the keys were changed');
  }

  /** Deletes it and makes it again: new keys, empty twin, version 1, no session. */
  async recreate(address: Address): Promise<Identity> {
    const identity = this.get(address);
    this.#options.disconnect(address, 'the module was deleted and made again');
    this.#options.identities.recreate(identity);
    await this.#options.loseSession(address);
    return identity;
  }

  /** Deletes a module, or a device with its modules. */
  async remove(address: Address): Promise<void> {
    for (const identity of this.#under(address)) {
      this.#options.disconnect(identity, 'it was deleted');
      await this.#options.loseSession(identity);
      this.#options.identities.remove(identity);
    }
  }

  /** A disabled device is refused, its modules with it; their connections end. */
  setDisabled(deviceId: string, disabled: boolean): void {
    const { identities, disconnect } = this.#options;
    identities.setDisabled(identities.register({ deviceId }), disabled);
    if (!disabled) return;
    for (const identity of this.#under({ deviceId }))
      disconnect(identity, 'the device was disabled');
  }

  /** Whether modules have to show a certificate; the connections of those that gave a token then end. */
  setModuleSasDisabled(moduleSasDisabled: boolean): void {
    const { identities, settings, disconnect } = this.#options;
    settings.change({ moduleSasDisabled });
    if (!moduleSasDisabled) return;
    for (const identity of identities.all()) {
      const { authentication, moduleId } = identity;
      if (authentication.type !== 'sas' || moduleId === undefined) continue;
      disconnect(identity, 'tokens of modules were switched off');
    }
  }

  /** From now on the hub takes certificates that this authority vouches for. @throws Error for what is none */
  addAuthority(certificatePem: string): void {
    const { settings, tls } = this.#options;
    if (!new X509Certificate(certificatePem).ca) {
      throw new Error(
        'The certificate is not that of an authority, and cannot be registered as one.',
      );
    }
    settings.change({ authorities: [...new Set([...settings.authorities, certificatePem])] });
    tls.renew();
  }

  /** The hub forgets the authority; connections made with certificates of authorities end. */
  removeAuthority(certificatePem: string): void {
    const { identities, settings, tls, disconnect } = this.#options;
    settings.change({ authorities: settings.authorities.filter((pem) => pem !== certificatePem) });
    tls.renew();
    for (const identity of identities.all()) {
      if (identity.authentication.type !== 'certificateAuthority') continue;
      disconnect(identity, 'an authority was removed');
    }
  }

  #under({ deviceId, moduleId }: Address): readonly Identity[] {
    return this.#options.identities
      .all()
      .filter(
        (identity) =>
          identity.deviceId === deviceId &&
          (moduleId === undefined || identity.moduleId === moduleId),
      );
  }
}
