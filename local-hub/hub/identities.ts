import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import { replaceFileSync } from '../../base/replace-file.js';

/*
 * 1. What the store has told a caller is on disk: every change is saved before it returns.
 * 2. A device or module keeps its keys, twin and subscriptions over a restart of the hub.
 * 3. Making a module again gives a new generation with new keys, an empty twin at version 1 and no session.
 */

/** A device, or one of its modules. */
export interface Address {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
}

export interface Twin {
  desired: JsonObject;
  desiredVersion: number;
  reported: JsonObject;
  reportedVersion: number;
}

/** How a device or module proves who it is. */
export type Authentication =
  /** By a token that one of its two keys signed. */
  | { readonly type: 'sas' }
  /** By a certificate that the hub knows by its thumbprint, SHA-1 or SHA-256 in upper-case hexadecimal. */
  | {
      readonly type: 'selfSigned';
      readonly primaryThumbprint: string;
      readonly secondaryThumbprint: string;
    }
  /** By a certificate of an authority that the hub knows, made out to `device` or `device/module`. */
  | { readonly type: 'certificateAuthority' };

export interface Identity extends Address {
  authentication: Authentication;
  /** Base64, 32 bytes. */
  primaryKey: string;
  secondaryKey: string;
  generationId: string;
  /** Of a device; its modules stop with it. */
  disabled?: boolean;
  twin: Twin;
  /** A client connected with CleanSession 0, and its session was not lost since. */
  hasSession?: boolean;
  /** Topic filters of the persistent session, with the granted quality of service. */
  subscriptions: { topic: string; qos: 0 | 1 }[];
}

/** The allowed characters of device and module ids; up to 128 of them. */
const idPattern = /^[A-Za-z0-9\-.+%_#*?!(),=@$':]{1,128}$/;

/** `device` or `device/module`: what an MQTT client calls itself. */
export function clientIdOf(address: Address): string {
  return address.moduleId === undefined
    ? address.deviceId
    : `${address.deviceId}/${address.moduleId}`;
}

/** The reverse of {@link clientIdOf}; ids hold no slash. */
export function addressOf(clientId: string): Address {
  const [deviceId = '', moduleId] = clientId.split('/');
  return { deviceId, moduleId };
}

/** A symmetric key as hubs make them: 32 bytes, base64. */
export const newKey = (): string => randomBytes(32).toString('base64');
const bySas: Authentication = { type: 'sas' };
const newTwin = (): Twin => ({
  desired: {},
  desiredVersion: 1,
  reported: {},
  reportedVersion: 1,
});

/** The devices and modules that the hub knows, kept in one file of mode 0600. */
export class Identities {
  readonly #file: string;
  readonly #byClientId: Map<string, Identity>;

  private constructor(file: string, identities: readonly Identity[]) {
    this.#file = file;
    this.#byClientId = new Map(identities.map((identity) => [clientIdOf(identity), identity]));
  }

  /** Reads the file, or begins empty when there is none. Throws a sentence when the file is not what was written. */
  static open(file: string): Identities {
    if (!existsSync(file)) return new Identities(file, []);
    const text = readFileSync(file, 'utf8');
    try {
      const { identities } = JSON.parse(text) as { identities: Partial<Identity>[] };
      // What was kept before there were certificates says nothing of how it proves itself.
      const complete = identities.map((kept) => ({ authentication: bySas, ...kept }) as Identity);
      return new Identities(file, complete);
    } catch (error) {
      const cause = reasonOf(error);
      throw new Error(
        `The state of the local hub in ${file} cannot be read (${cause}); remove the file to begin anew.`,
        { cause: error },
      );
    }
  }

  all(): readonly Identity[] {
    return [...this.#byClientId.values()];
  }

  find(address: Address): Identity | undefined {
    return this.#byClientId.get(clientIdOf(address));
  }

  /** Gives the identity, made on the first call. Throws on an id that IoT Hub would not take. */
  register(address: Address): Identity {
    const known = this.find(address);
    if (known !== undefined) return known;
    for (const id of [address.deviceId, address.moduleId]) {
      if (id !== undefined && !idPattern.test(id)) {
        throw new Error(
          `'${id}' cannot be a device or module id: 1 to 128 letters, digits or -.+%_#*?!(),=@$': are allowed.`,
        );
      }
    }
    const identity: Identity = {
      ...address,
      authentication: bySas,
      primaryKey: newKey(),
      secondaryKey: newKey(),
      generationId: newGeneration(),
      twin: newTwin(),
      subscriptions: [],
    };
    this.#byClientId.set(clientIdOf(address), identity);
    this.save();
    return identity;
  }

  remove(identity: Identity): void {
    this.#byClientId.delete(clientIdOf(identity));
    this.save();
  }

  /** Deletes and makes again. */
  recreate(identity: Identity): void {
    identity.primaryKey = newKey();
    identity.secondaryKey = newKey();
    identity.generationId = newGeneration();
    identity.twin = newTwin();
    identity.subscriptions = [];
    identity.hasSession = false;
    this.save();
  }

  rollKeys(identity: Identity): void {
    this.setKeys(identity, newKey(), newKey());
  }

  setKeys(identity: Identity, primaryKey: string, secondaryKey: string): void {
    identity.primaryKey = primaryKey;
    identity.secondaryKey = secondaryKey;
    this.save();
  }

  setAuthentication(identity: Identity, authentication: Authentication): void {
    identity.authentication = authentication;
    this.save();
  }

  setDisabled(identity: Identity, disabled: boolean): void {
    identity.disabled = disabled;
    this.save();
  }

  /** The sessions of all clients are lost. */
  forgetSessions(): void {
    for (const identity of this.all()) {
      identity.subscriptions = [];
      identity.hasSession = false;
    }
    this.save();
  }

  /** Call after changing a twin or subscriptions. */
  save(): void {
    const text = JSON.stringify({ identities: this.all() }, undefined, 1);
    replaceFileSync(this.#file, `${text}\n`, 0o600);
  }
}

/** Like the service: a number that is different for each making of the same id. */
function newGeneration(): string {
  return randomBytes(8).readBigUInt64BE().toString();
}
