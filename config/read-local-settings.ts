import { FileError, readTextFile } from '../base/bounded-file.js';
import { parseLocalSettings } from './parse-local-settings.js';
import type { LocalResult } from './parse-local-settings.js';

/** Far more than any list of settings needs. */
const maxBytes = 262_144;

/** Reads and checks the local file; that it cannot be read is a problem like any other. */
export async function readLocalSettings(path: string): Promise<LocalResult> {
  try {
    const { text } = await readTextFile(path, maxBytes);
    return parseLocalSettings(text, path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { problems: [{ key: '', message: `${path} ${error.message}.` }] };
  }
}

export const defaultConfigFile = '/etc/iot-security-agent/agent.json';
