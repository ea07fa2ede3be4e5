import { existsSync } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, reasonOf } from '../../config/errors.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { readLocalSettings } from '../../config/read-local-settings.js';
import {
  CredentialError,
  loadCredentials,
  type ModuleCredentials,
} from '../identity/credentials.js';
import { sizeText } from '../status/duration-text.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

/** The local cache at its default size, twice, and the small files beside it. */
const enoughBytes = 8 * 1024 * 1024;

export interface ConfigurationCheck {
  readonly findings: readonly Finding[];
  readonly settings?: LocalSettings;
  readonly credentials?: ModuleCredentials;
}

/** Whether the agent could start with this configuration. */
export async function checkConfiguration(configFile: string): Promise<ConfigurationCheck> {
  const read = await readLocalSettings(configFile);
  if ('problems' in read) {
    // Every problem tells its remedy; of a file that is missing there is a better one.
    const remedy = existsSync(configFile) ? undefined : 'iot-security-agent enroll writes it';
    return { findings: read.problems.map(({ message }) => mend(message, remedy)) };
  }
  const { settings } = read;
  const findings = [ok(`${configFile} can be used`)];
  let credentials: ModuleCredentials | undefined;
  try {
    credentials = await loadCredentials(settings);
    const { deviceId, hostName, moduleId } = credentials;
    findings.push(ok(`the credentials of ${deviceId}/${moduleId} at ${hostName} can be read`));
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    findings.push(mend(error.message));
  }
  findings.push(await stateDirectory(settings.stateDirectory));
  return { findings, settings, ...(credentials === undefined ? {} : { credentials }) };
}

async function stateDirectory(path: string): Promise<Finding> {
  const remedy = `give it to the agent's user, or set "stateDirectory" to another directory`;
  try {
    const isThere = await stat(path).then(
      (stats) => stats.isDirectory(),
      (error: unknown) => {
        if (hasCode(error, 'ENOENT')) return undefined;
        throw error;
      },
    );
    if (isThere === false) return mend(`${path} is not a directory`, remedy);
    const place = isThere === undefined ? dirname(path) : path;
    await access(place, constants.W_OK);
    const { bavail, bsize } = await statfs(place);
    const free = bavail * bsize;
    if (free < enoughBytes) {
      return mend(
        `only ${sizeText(free)} are free at ${path}`,
        'make room, or events will be lost',
      );
    }
    if (isThere === undefined) return note(`${path} does not exist yet; the agent makes it`);
    return ok(`${path} can be written to, with ${sizeText(free)} free`);
  } catch (error) {
    if (hasCode(error, 'EACCES') && process.geteuid?.() !== 0) {
      return unknown(
        `${path} is closed to user ${process.geteuid?.() ?? '?'}`,
        'run doctor as root',
      );
    }
    return mend(`${path} cannot be used: ${reasonOf(error)}`, remedy);
  }
}
