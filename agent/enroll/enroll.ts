import { chmod, chown, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FileError, readBoundedFile } from '../../config/bounded-file.js';
import { hasCode, reasonOf } from '../../config/errors.js';
import { isJsonObject, JsonError, parseJson, type JsonObject } from '../../config/json.js';
import { parseLocalSettings } from '../../config/parse-local-settings.js';
import { CommandError, exitCodes } from '../exit-codes.js';
import { parseConnectionString, type ConnectionString } from '../identity/connection-string.js';
import { stageFile, type StagedFile } from '../staged-file.js';

/*
 * Invariants:
 * 1. Everything is checked before anything is written; after an error the device is as it was.
 * 2. Of an `agent.json` that exists only `identity` is changed. One that cannot be used is refused, not replaced: what
 *    is in it may be what makes this device work.
 * 3. The secret stands in its own file, which only root can read from its first byte on, and in no sentence.
 */

/** The names that the unit and the documentation count on. */
export const secretFileName = 'module.connection';
export const settingsFileName = 'agent.json';
/** The group that the agent runs as; it may read the settings, and ask for the status. */
export const agentGroup = 'iot-security-agent';

const largestSettingsBytes = 262_144;

export interface Enrollment {
  readonly identity: Pick<ConnectionString, 'hostName' | 'deviceId' | 'moduleId'>;
  readonly secretFile: string;
  readonly settingsFile: string;
  /** Keys of `identity` that the connection string takes the place of. */
  readonly removedKeys: readonly string[];
  readonly groupIsMissing: boolean;
}

export interface EnrollOptions {
  readonly directory: string;
  /** What was given as the connection string; its first line counts. */
  readonly input: string;
  readonly groupFile?: string;
}

/** Checks the connection string and writes both files of the configuration. @throws CommandError */
export async function enroll(options: EnrollOptions): Promise<Enrollment> {
  const { directory, groupFile = '/etc/group' } = options;
  const line = firstLine(options.input);
  if (line === '') throw unusable('The input is empty; paste the connection string of the module');
  const connection = parseConnectionString(line);
  if ('fault' in connection) throw unusable(`The input ${connection.fault}`);

  const settingsFile = join(directory, settingsFileName);
  const secretFile = join(directory, secretFileName);
  const before = await readSettings(settingsFile);
  const { settings, removedKeys } = withIdentity(before, secretFile, connection);
  const text = `${JSON.stringify(settings, null, 2)}\n`;
  const parsed = parseLocalSettings(text, settingsFile);
  if ('problems' in parsed) {
    const sentences = parsed.problems.map(({ message }) => message);
    throw unusable(['The agent could not use it:', ...sentences].join('\n'));
  }

  const groupId = await groupIdOf(agentGroup, groupFile);
  await write(directory, { secretFile, secret: `${line}\n`, settingsFile, text, groupId });
  const { hostName, deviceId, moduleId } = connection;
  return {
    identity: { hostName, deviceId, moduleId },
    secretFile,
    settingsFile,
    removedKeys,
    groupIsMissing: groupId === undefined,
  };
}

function firstLine(text: string): string {
  return (
    text
      .replace(/^\uFEFF/, '')
      .trim()
      .split('\n', 1)[0] ?? ''
  ).trim();
}

/** The settings that are there; empty when there are none. */
async function readSettings(path: string): Promise<JsonObject> {
  try {
    const { text } = await readBoundedFile(path, largestSettingsBytes);
    if (text.trim() === '') return {};
    const settings = parseJson(text.replace(/^\uFEFF/, ''));
    if (isJsonObject(settings)) return settings;
    throw unusable(`${path} holds no JSON object; mend it or move it away`);
  } catch (error) {
    if (error instanceof FileError) {
      if (error.kind === 'missing') return {};
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

interface Files {
  readonly secretFile: string;
  readonly secret: string;
  readonly settingsFile: string;
  readonly text: string;
  readonly groupId: number | undefined;
}

async function write(directory: string, files: Files): Promise<void> {
  const uid = process.geteuid?.() ?? 0;
  const ownGroup = process.getegid?.() ?? 0;
  const gid = uid === 0 ? (files.groupId ?? ownGroup) : ownGroup;
  const staged: StagedFile[] = [];
  try {
    if ((await mkdir(directory, { recursive: true, mode: 0o750 })) !== undefined) {
      await chown(directory, uid, gid);
      await chmod(directory, 0o750);
    }
    const secretOwner = { uid, gid: ownGroup };
    staged.push(
      await stageFile(files.secretFile, files.secret, { mode: 0o600, owner: secretOwner }),
    );
    staged.push(
      await stageFile(files.settingsFile, files.text, { mode: 0o640, owner: { uid, gid } }),
    );
    for (const file of staged) await file.commit();
  } catch (error) {
    for (const file of staged) await file.discard().catch(() => undefined);
    const remedy = hasCode(error, 'EACCES', 'EPERM') ? '; run this command as root' : '';
    throw new CommandError(
      `The configuration could not be written to ${directory}: ${reasonOf(error)}${remedy}.`,
      exitCodes.noPermission,
    );
  }
}

async function groupIdOf(name: string, groupFile: string): Promise<number | undefined> {
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
