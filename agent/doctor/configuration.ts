import { existsSync } from 'node:fs';
import type { LocalResult } from '../../config/parse-local-settings.js';
import {
  CredentialError,
  loadCredentials,
  type ModuleCredentials,
} from '../identity/credentials.js';
import type { AgentUser } from './agent-user.js';
import { mend, note, ok, type Finding } from './finding.js';
import { checkStateDirectory } from './state-directory.js';

interface ConfigurationCheck {
  readonly findings: readonly Finding[];
  readonly credentials?: ModuleCredentials;
}

const markerIsOn = note(
  'messages carry the security marker ("securityMarker": true), so that a hub with the security service routes them to that service alone and to none of your own endpoints',
  'remove "securityMarker" from the configuration if no message arrives where you look for it',
);

/**
 * Whether the agent could start with this configuration.
 * @param read what is in the file
 */
export async function checkConfiguration(
  configFile: string,
  read: LocalResult,
  user: AgentUser,
): Promise<ConfigurationCheck> {
  if ('problems' in read) {
    // Every problem tells its remedy; of a file that is missing there is a better one.
    const remedy = existsSync(configFile) ? undefined : 'iot-security-agent enroll writes it';
    return { findings: read.problems.map(({ message }) => mend(message, remedy)) };
  }
  const { settings } = read;
  const findings = [ok(`${configFile} can be used`)];
  if (settings.securityMarker) findings.push(markerIsOn);
  let credentials: ModuleCredentials | undefined;
  try {
    credentials = await loadCredentials(settings, user.ids === undefined ? {} : { ids: user.ids });
    const { deviceId, hostName, moduleId } = credentials;
    findings.push(ok(`the credentials of ${deviceId}/${moduleId} at ${hostName} can be read`));
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    findings.push(mend(error.message));
  }
  findings.push(await checkStateDirectory(settings.stateDirectory, user));
  return { findings, ...(credentials === undefined ? {} : { credentials }) };
}
