import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { LocalKey, LocalSettings } from '../../config/local-settings.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
import { secretFilesOf } from '../identity/credentials/secret-files.js';
import { groupIdOf, readSettings, unusable } from './settings-file.js';
import { type SecretFile, writeFiles } from './write.js';

/** The group that the agent runs as; it may read the settings, and ask for the status. */
export const agentGroup = 'iot-security-agent';

/** The names that the unit and the documentation count on. */
export const settingsFileName = 'agent.json';
export const secretNames = {
  moduleConnection: 'module.connection',
  moduleKey: 'module.key',
  deviceConnection: 'device.connection',
  deviceKey: 'device.key',
  enrollmentKey: 'enrollment.key',
  certificate: 'certificate.pem',
  privateKey: 'certificate.key',
  pkcs12: 'certificate.pfx',
  password: 'certificate.password',
  proxyCredentials: 'proxy.credentials',
} as const;

type Members = Partial<Record<LocalKey, JsonValue>>;

interface Wish {
  readonly directory: string;
  /** Takes the place of who the agent was, whole; undefined leaves that as it is. */
  readonly identity: Members | undefined;
  /** Other settings, by their dotted keys; what is not among them stays. */
  readonly settings: Members;
  /** By the setting that names the file. */
  readonly secrets: readonly Secret[];
  /** Places that the secret itself names, as a connection string may a gateway. */
  readonly replacedPlaces?: readonly PlaceKey[];
  readonly groupFile?: string | undefined;
}

export interface Secret {
  readonly key: LocalKey;
  readonly name: string;
  readonly content: string | Uint8Array;
}

/** A configuration that the agent would take, not yet written. */
export interface Configuration {
  readonly directory: string;
  readonly settingsFile: string;
  readonly secrets: readonly SecretFile[];
  /** The whole new text. */
  readonly text: string;
  /** False when the settings that are there say all that already. */
  readonly isChanged: boolean;
  readonly settings: LocalSettings;
  /** Keys of `identity` that it takes the place of. */
  readonly removedKeys: readonly string[];
  readonly groupId: number | undefined;
}

/** Where something is reached was chosen for this device, and is no part of who it is. */
const placeKeys = [
  'gatewayHostName',
  'restEndpoint',
  'dps.endpoint',
  'edge.identitySocket',
  'edge.keySocket',
] as const;
type PlaceKey = (typeof placeKeys)[number];

/**
 * Puts together and checks what is to be written; writes nothing. Of settings that exist only what is wished is changed,
 * and ones that cannot be used are refused, not replaced: what is in them may be what makes this device work.
 * @throws CommandError
 */
export async function prepareConfiguration(wish: Wish): Promise<Configuration> {
  if (wish.directory === '') throw unusable('--directory is empty; name a directory');
  // What is written must hold wherever the agent is started.
  const directory = resolve(wish.directory);
  const settingsFile = join(directory, settingsFileName);
  const before = await readSettings(settingsFile);
  const secrets = wish.secrets.map(({ key, name, content }) => ({
    key,
    file: { path: join(directory, name), content },
  }));
  const files = Object.fromEntries(secrets.map(({ key, file }) => [key, file.path]));
  const { settings, removedKeys } = merged(before ?? {}, wish, files);
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  const parsed = parseLocalSettings(text, settingsFile);
  if ('problems' in parsed) {
    const sentences = parsed.problems.map(({ message }) => message);
    throw unusable(['The agent could not use it:', ...sentences].join('\n'));
  }
  return {
    directory,
    settingsFile,
    secrets: secrets.map(({ file }) => file),
    text,
    isChanged: !isDeepStrictEqual(settings, before),
    settings: parsed.settings,
    removedKeys,
    groupId: await groupIdOf(agentGroup, wish.groupFile),
  };
}

/** Secrets of a former identity that lie where they are written and that these settings do not name. */
export async function unusedSecrets({
  directory,
  settings,
}: Configuration): Promise<readonly string[]> {
  const used = secretFilesOf(settings).map((path) => resolve(path));
  const names = await readdir(directory).catch((): string[] => []);
  return Object.values<string>(secretNames)
    .filter((name) => names.includes(name))
    .map((name) => join(directory, name))
    .filter((path) => !used.includes(path));
}

/** @throws CommandError (77); then nothing was changed */
export async function writeConfiguration(configuration: Configuration): Promise<void> {
  const { directory, groupId, isChanged, secrets, settingsFile, text } = configuration;
  await writeFiles(directory, {
    secrets,
    settingsFile,
    settings: isChanged ? text : undefined,
    groupId,
  });
}

function merged(
  before: JsonObject,
  { identity, settings, replacedPlaces = [] }: Wish,
  files: Members,
): { settings: JsonObject; removedKeys: readonly string[] } {
  const isOfIdentity = (key: string): boolean => key.startsWith('identity.');
  const plain = Object.entries({ ...settings, ...files }).filter(([key]) => !isOfIdentity(key));
  const withSettings = plain.reduce((object, [key, value]) => put(object, key, value), before);
  if (identity === undefined) return { settings: withSettings, removedKeys: [] };
  const old = isJsonObject(before['identity']) ? before['identity'] : {};
  const who = Object.entries({ ...identity, ...files }).filter(([key]) => isOfIdentity(key));
  const mode = identity['identity.mode'];
  const places = placeKeys
    .filter((key) => !replacedPlaces.includes(key) && placesOf(mode).includes(key))
    .flatMap((key) => {
      const value = at(old, key);
      return value === undefined ? [] : [[`identity.${key}`, value] as const];
    });
  const next = [...who, ...places].reduce<JsonObject>(
    (object, [key, value]) => put(object, key, value),
    {},
  );
  const now = isJsonObject(next['identity']) ? next['identity'] : {};
  return {
    settings: { ...withSettings, identity: now },
    removedKeys: Object.keys(old).filter((key) => !Object.hasOwn(now, key)),
  };
}

/** The places that a mode has a use for. */
function placesOf(mode: JsonValue | undefined): readonly PlaceKey[] {
  if (mode === 'dps') return ['gatewayHostName', 'restEndpoint', 'dps.endpoint'];
  if (mode === 'edge') return ['gatewayHostName', 'edge.identitySocket', 'edge.keySocket'];
  return mode === 'device' ? ['gatewayHostName', 'restEndpoint'] : ['gatewayHostName'];
}

/** What stands under a dotted key. */
function at(object: JsonObject, key: string): JsonValue | undefined {
  const [head = '', ...rest] = key.split('.');
  const value = object[head];
  if (rest.length === 0 || value === undefined) return value;
  return isJsonObject(value) ? at(value, rest.join('.')) : undefined;
}

/** The object with a member set that a dotted key names. */
function put(object: JsonObject, key: string, value: JsonValue): JsonObject {
  const [head = '', ...rest] = key.split('.');
  if (rest.length === 0) return { ...object, [head]: value };
  const inner = object[head];
  return { ...object, [head]: put(isJsonObject(inner) ? inner : {}, rest.join('.'), value) };
}
