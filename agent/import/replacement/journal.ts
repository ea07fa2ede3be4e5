import { chown, lstat, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, readTextFile } from '../../../base/bounded-file.js';
import { plainReason } from '../../../base/errors.js';
import { isJsonObject, parseJson, type JsonValue } from '../../../base/json.js';
import { makeDirectory } from '../../../base/make-directory.js';
import { stageFile } from '../../../base/staged-file.js';
import { type ServiceState, StepError } from './host.js';
import type { KeptFile } from './kept-files.js';
import type { OldAuditRule } from './old-audit-rules.js';

/** How the device was before the import, which is all that it takes to undo it. */
export interface Before {
  /** This agent's service. */
  readonly own: ServiceState;
  /** Those of the old agents. */
  readonly old: readonly ServiceState[];
  readonly rules: readonly OldAuditRule[];
  readonly files: readonly KeptFile[];
}

/** What may stand in a journal; all else is somebody else's doing. */
export interface Expected {
  readonly ownUnit: string;
  readonly oldUnits: readonly string[];
  /** Where the configuration is. */
  readonly directory: string;
  readonly fileNames: readonly string[];
  isOldRule(rule: Buffer): boolean;
}

/** The user and the group of the agent: systemd gives a directory of another's to them, with all that is in it. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const format = 'iot-security-agent replacement 1';
const largestBytes = 262_144;
const journalName = 'replaced-agent.json';
const fileStates = [
  'enabled',
  'enabled-runtime',
  'disabled',
  'static',
  'linked',
  'linked-runtime',
  'masked',
  'masked-runtime',
  'indirect',
  'generated',
  'transient',
  'alias',
  'bad',
  '',
];

export const journalPath = (stateDirectory: string): string => join(stateDirectory, journalName);

export async function hasJournal(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined;
}

/**
 * Writes it before anything is changed. It stands in a directory of the agent's user, and counts as it belongs to root.
 * @param owner of the directory, where that is made here @throws StepError
 */
export async function writeJournal(
  path: string,
  before: Before,
  owner: Owner | undefined,
): Promise<void> {
  const { files, old, own } = before;
  const rules = before.rules.map(({ first, rule }) => ({ first, rule: rule.toString('base64') }));
  try {
    const directory = dirname(path);
    const isNew = await makeDirectory(directory, 0o700);
    if (isNew && owner !== undefined) await chown(directory, owner.uid, owner.gid);
    const text = `${JSON.stringify({ format, own, old, rules, files }, null, 2)}\n`;
    const staged = await stageFile(path, text, { mode: 0o600 });
    await staged.commit();
  } catch (error) {
    throw new StepError(`${path} could not be written: ${plainReason(error)}`);
  }
}

export async function removeJournal(path: string): Promise<void> {
  await rm(path, { force: true });
}

/**
 * Reads what only root can have written, and takes of it only what an import writes: the agent's user must not be able
 * to have root start a service, set a rule or write a file of his choice. Undefined when there is none.
 * @throws StepError
 */
export async function readJournal(path: string, expected: Expected): Promise<Before | undefined> {
  const text = await readRootsFile(path);
  if (text === undefined) return undefined;
  const before = understood(text, expected);
  if (before === undefined)
    throw new StepError(`${path} is not what an import of this version writes; undo it by hand`);
  return before;
}

async function readRootsFile(path: string): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return undefined;
  try {
    const { stats, text } = await readTextFile(path, largestBytes);
    const isRoots = stats.uid === (process.geteuid?.() ?? 0) && (stats.mode & 0o022) === 0;
    if (isRoots && found.isFile() && found.ino === stats.ino && stats.nlink === 1) return text;
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new StepError(`${path} ${error.message}`);
  }
  throw new StepError(
    `${path} does not belong to root alone, so that it is not to be trusted; undo by hand`,
  );
}

function understood(text: string, expected: Expected): Before | undefined {
  let json: JsonValue;
  try {
    json = parseJson(text);
  } catch {
    return undefined;
  }
  if (!isJsonObject(json) || json['format'] !== format) return undefined;
  const own = serviceOf(json['own'], [expected.ownUnit]);
  const old = all(json['old'], (item) => serviceOf(item, expected.oldUnits));
  const rules = all(json['rules'], (item) => ruleOf(item, expected));
  const files = all(json['files'], (item) => fileOf(item, expected));
  if (own === undefined || old === undefined || rules === undefined || files === undefined)
    return undefined;
  return { own, old, rules, files };
}

function all<T>(
  json: JsonValue | undefined,
  read: (item: JsonValue) => T | undefined,
): readonly T[] | undefined {
  if (!Array.isArray(json)) return undefined;
  const items = (json as readonly JsonValue[]).map(read);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function serviceOf(
  json: JsonValue | undefined,
  units: readonly string[],
): ServiceState | undefined {
  if (!isJsonObject(json)) return undefined;
  const { unit, isActive, file, linkedFrom } = json;
  if (typeof unit !== 'string' || !units.includes(unit) || typeof isActive !== 'boolean')
    return undefined;
  if (typeof file !== 'string' || !fileStates.includes(file)) return undefined;
  if (linkedFrom === undefined) return { unit, isActive, file };
  if (typeof linkedFrom !== 'string' || !linkedFrom.startsWith('/')) return undefined;
  return basename(linkedFrom) === unit ? { unit, isActive, file, linkedFrom } : undefined;
}

function ruleOf(json: JsonValue, expected: Expected): OldAuditRule | undefined {
  if (!isJsonObject(json)) return undefined;
  const { first, rule } = json;
  if (typeof rule !== 'string' || typeof first !== 'boolean') return undefined;
  const bytes = Buffer.from(rule, 'base64');
  return expected.isOldRule(bytes) ? { rule: bytes, first } : undefined;
}

function fileOf(json: JsonValue, { directory, fileNames }: Expected): KeptFile | undefined {
  if (!isJsonObject(json)) return undefined;
  const { path, wasThere } = json;
  if (typeof path !== 'string' || typeof wasThere !== 'boolean') return undefined;
  const isOurs = dirname(path) === directory && fileNames.includes(basename(path));
  return isOurs ? { path, wasThere } : undefined;
}
