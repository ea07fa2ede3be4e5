import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { isJsonObject, JsonError, parseJson, type JsonObject } from '../../base/json.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
import { parseConnectionString, type ConnectionString } from '../identity/connection-string.js';
import { writeFiles } from './write.js';

/** The names that the unit and the documentation count on. */
const secretFileName = 'module.connection';
const settingsFileName = 'agent.json';
/** The group that the agent runs as; it may read the settings, and ask for the status. */
export const agentGroup = 'iot-security-agent';

const largestSettingsBytes = 262_144;

export interface Enrollment {
  readonly identity: Pick<ConnectionString, 'hostName' | 'deviceId' | 'moduleId'>;
  readonly secretFile: string;
  readonly settingsFile: string;
  /** False when they said all that already. */
  readonly settingsWereWritten: boolean;
  /** Keys of `identity` that the connection string takes the place of. */
  readonly removedKeys: readonly string[];
  readonly groupIsMissing: boolean;
  /** The settings have messages carry it. */
  readonly securityMarker: boolean;
}

interface EnrollOptions {
  readonly directory: string;
  /** What was given as the connection string; its first line that is not empty counts. */
  readonly input: string;
  readonly groupFile?: string;
}

/**
 * Checks the connection string and writes both files of the configuration. @throws CommandError
 *
 * 1. Everything is checked before anything is written; after an error the device is as it was.
 * 2. Of an `agent.json` that exists only `identity` is changed. One that cannot be used is refused, not replaced: what
 *    is in it may be what makes this device work.
 * 3. The secret stands in its own file, which only root can read from its first byte on, and in no sentence.
 */
export async function enroll(options: EnrollOptions): Promise<Enrollment> {
  if (options.directory === '') throw unusable('--directory is empty; name a directory');
  // What is written must hold wherever the agent is started.
  const directory = resolve(options.directory);
  const line = connectionStringIn(options.input);
  if (line === '') throw unusable('The input is empty; paste the connection string of the module');
  const connection = parseConnectionString(line);
  if ('fault' in connection) throw unusable(`The input ${connection.fault}`);

  const settingsFile = join(directory, settingsFileName);
  const secretFile = join(directory, secretFileName);
  const before = await readSettings(settingsFile);
  const { settings, removedKeys } = withIdentity(before ?? {}, secretFile, connection);
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  const parsed = parseLocalSettings(text, settingsFile);
  if ('problems' in parsed) {
    const sentences = parsed.problems.map(({ message }) => message);
    throw unusable(['The agent could not use it:', ...sentences].join('\n'));
  }

  const groupId = await groupIdOf(agentGroup, options.groupFile);
  const changed = !isDeepStrictEqual(settings, before);
  await writeFiles(directory, {
    secrets: [{ path: secretFile, content: `${line}\n` }],
    settingsFile,
    settings: changed ? text : undefined,
    groupId,
  });
  const { hostName, deviceId, moduleId } = connection;
  return {
    identity: { hostName, deviceId, moduleId },
    secretFile,
    settingsFile,
    settingsWereWritten: changed,
    removedKeys,
    groupIsMissing: groupId === undefined,
    securityMarker: parsed.settings.securityMarker,
  };
}

/** The first line that holds something, without the quotes in which it may have been copied. */
function connectionStringIn(text: string): string {
  const [line = ''] = text
    .replace(/^\uFEFF/, '')
    .trim()
    .split('\n', 1);
  return line
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
}

/** The settings that are there; undefined when there are none. */
async function readSettings(path: string): Promise<JsonObject | undefined> {
  try {
    const { text } = await readTextFile(path, largestSettingsBytes);
    if (text.trim() === '') return undefined;
    const settings = parseJson(text.replace(/^\uFEFF/, ''));
    if (isJsonObject(settings)) return settings;
    throw unusable(`${path} holds no JSON object; mend it or move it away`);
  } catch (error) {
    if (error instanceof FileError) {
      if (error.kind === 'missing') return undefined;
      if (error.kind === 'other-encoding') throw unusable(`${path} ${error.message}`);
      throw new CommandError(
        `${path} ${error.message}. Nothing was changed.`,
        exitCodes.noPermission,
      );
    }
    if (error instanceof JsonError) {
      throw unusable(
        `${path} is not valid JSON (line ${error.line}, column ${error.column}: ${error.fault}); mend it or move it away`,
      );
    }
    throw error;
  }
}

function withIdentity(
  before: JsonObject,
  secretFile: string,
  connection: ConnectionString,
): { settings: JsonObject; removedKeys: readonly string[] } {
  const identity = isJsonObject(before['identity']) ? before['identity'] : {};
  // A gateway that was chosen for this device stays, unless the connection string names one.
  const gateway =
    connection.gatewayHostName === undefined ? identity['gatewayHostName'] : undefined;
  const next: JsonObject = {
    mode: 'module',
    connectionStringFile: secretFile,
    ...(gateway === undefined ? {} : { gatewayHostName: gateway }),
  };
  return {
    settings: { ...before, identity: next },
    removedKeys: Object.keys(identity).filter((key) => !Object.hasOwn(next, key)),
  };
}

/** Undefined when there is no such group (group(5)). */
export async function groupIdOf(
  name: string,
  groupFile = '/etc/group',
): Promise<number | undefined> {
  const text = await readFile(groupFile, 'utf8').catch(() => '');
  const id = text
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
    ?.split(':')[2];
  return id === undefined || !/^\d+$/.test(id) ? undefined : Number(id);
}

function unusable(sentence: string): CommandError {
  return new CommandError(
    `${sentence}${/[.\n]/.test(sentence.slice(-1)) ? '' : '.'} Nothing was changed.`,
    exitCodes.configuration,
  );
}
