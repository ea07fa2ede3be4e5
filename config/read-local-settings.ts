import { FileError, readTextFile } from '../base/bounded-file.js';
import type { ErrorCode } from '../contract/error-code.js';
import { parseLocalSettings } from './parse-local-settings.js';
import type { LocalResult } from './parse-local-settings.js';

/** Far more than any list of settings needs. */
const maxBytes = 262_144;

const codes: Readonly<Record<FileError['kind'], ErrorCode>> = {
  missing: 'Local Configuration / File Not Exist',
  forbidden: 'Local Configuration / File Permissions',
  unreadable: 'Local Configuration / File Permissions',
  'too-large': 'Local Configuration / File Format',
  'other-encoding': 'Local Configuration / File Format',
};

/** Reads and checks the local file; that it cannot be read is a problem like any other. */
export async function readLocalSettings(path: string): Promise<LocalResult> {
  try {
    const { text } = await readTextFile(path, maxBytes);
    return parseLocalSettings(text, path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return { problems: [{ key: '', message: `${path} ${error.message} [${codes[error.kind]}].` }] };
  }
}

export const defaultConfigFile = '/etc/iot-security-agent/agent.json';
