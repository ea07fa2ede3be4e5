import type { JsonValue } from '../../base/json.js';
import type { LocalKey } from '../../config/local-settings.js';
import type { Secret } from './configuration.js';

/** Names that say who the device is, where its secret does not. */
export const givenNames = [
  'hostName',
  'deviceId',
  'moduleId',
  'idScope',
  'registrationId',
] as const;
export type GivenName = (typeof givenNames)[number];

/** The options of the command that give them. */
export const optionOfName: Readonly<Record<GivenName, string>> = {
  hostName: 'host-name',
  deviceId: 'device-id',
  moduleId: 'module-id',
  idScope: 'id-scope',
  registrationId: 'registration-id',
};

export const identityModes = ['module', 'device', 'dps', 'edge'] as const;
type Mode = (typeof identityModes)[number];

/** What somebody gave to say who the device is. */
export interface Given extends Partial<Record<GivenName, string>> {
  readonly mode?: Mode;
  /** A connection string, a key, or PEM; its first line that is not empty counts, of PEM all. */
  readonly secret?: string;
  /** The key is that of an enrolment group. */
  readonly isGroupKey?: boolean;
  readonly register?: boolean;
  readonly certificate?: Buffer;
  readonly privateKey?: Buffer;
  readonly password?: Buffer;
}

/** What the configuration says of it. */
export interface GivenIdentity {
  readonly identity: Partial<Record<LocalKey, JsonValue>>;
  readonly secrets: readonly Secret[];
  /** The connection string names the gateway. */
  readonly namesGateway: boolean;
}

/** Something that is still to be asked for. */
export type Missing = GivenName | 'secret' | 'certificate';
