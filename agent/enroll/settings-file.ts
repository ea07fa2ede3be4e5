import { readFile } from 'node:fs/promises';
import { FileError, readTextFile } from '../../base/bounded-file.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { isJsonObject, JsonError, parseJson, type JsonObject } from '../../base/json.js';

const largestSettingsBytes = 262_144;

/** The settings that are there; undefined when there are none. @throws CommandError */
export async function readSettings(path: string): Promise<JsonObject | undefined> {
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

/** What was given cannot be used, and nothing has been changed yet. */
export function unusable(sentence: string): CommandError {
  return new CommandError(
    `${sentence}${/[.\n]/.test(sentence.slice(-1)) ? '' : '.'} Nothing was changed.`,
    exitCodes.configuration,
  );
}
