import type { ModuleCredentials } from '../credentials/credentials.js';
import { ServiceError } from '../services/service-error.js';
import type { HttpsService } from '../services/https-client.js';
import { Registry, type ModuleKeys, type RegistryQuestion } from '../services/registry.js';
import { Restraint } from './restraint.js';
import type { Surroundings } from './surroundings.js';

/** The device that reads its module, and how the module then reaches the hub. Holds a secret. */
export interface DeviceAccess extends RegistryQuestion {
  readonly gatewayHostName: string | undefined;
  /** The registry, and whom to trust there and at the hub. */
  readonly service: HttpsService;
}

/**
 * The keys of the module, read from the registry of the hub with the credential of its device, and kept in memory alone.
 *
 * 1. The registry is asked when no key is known or each known one was refused, never because a connection was lost: all
 *    devices share its few reads.
 * 2. The primary key is used until it is refused, then the secondary one, then they are read anew.
 * 3. Where that gives the same ones, or fails, they are tried again before the next read: a hub refuses for a while what
 *    it takes later.
 */
export class ModuleKeysOfDevice {
  private readonly registry: Registry;
  private readonly restraint: Restraint;
  private keys: ModuleKeys | undefined;
  /** Whose keys these are. */
  private of = '';
  /** The key that is used next; behind the last where each was refused. */
  private at = 0;

  constructor({ clock, hubTimeMs, random }: Surroundings) {
    this.registry = new Registry(hubTimeMs);
    this.restraint = new Restraint(clock, random);
  }

  /** @throws ServiceError */
  async current(access: DeviceAccess): Promise<ModuleCredentials> {
    const { deviceId, gatewayHostName, hostName, moduleId } = access;
    const { trustedCaPem } = access.service;
    const of = `${hostName}/${deviceId}/${moduleId}`;
    if (this.of !== of) {
      this.of = of;
      this.keys = undefined;
    }
    const sharedAccessKey = this.keys?.[this.at] ?? (await this.readAnew(access))[0];
    return {
      hostName,
      deviceId,
      moduleId,
      proof: { kind: 'key', sharedAccessKey },
      ...(gatewayHostName === undefined ? {} : { gatewayHostName }),
      ...(trustedCaPem === undefined ? {} : { trustedCaPem }),
    };
  }

  /** The hub refused the key of these credentials. @returns whether there is another one that is known */
  refused({ proof }: ModuleCredentials): boolean {
    const { keys } = this;
    if (keys === undefined || proof.kind !== 'key' || proof.sharedAccessKey !== keys[this.at]) {
      return false;
    }
    this.at += 1;
    return this.at < keys.length;
  }

  private async readAnew(access: DeviceAccess): Promise<ModuleKeys> {
    const { keys: refused } = this;
    this.at = 0;
    const keys = await this.restraint.ask(() => this.registry.readKeys(access.service, access));
    if (refused?.join() === keys.join()) throw stillRefused(access);
    this.keys = keys;
    return keys;
  }
}

function stillRefused({ deviceId, hostName, moduleId }: DeviceAccess): ServiceError {
  return new ServiceError(
    'authorisation',
    `Could not connect to ${hostName} as ${deviceId}/${moduleId}: it refuses the keys of the module that its own registry gives; perhaps the hub has switched off that modules use symmetric keys (disableModuleSAS): then switch it on, or give the module a certificate and name it with identity.mode "module" and identity.certificateFile. Otherwise it takes them in a while [Authentication / Unauthorized].`,
  );
}
