import { existsSync } from 'node:fs';
import type { LocalResult } from '../../config/parse-local-settings.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import type { AgentUser } from './agent-user.js';
import { mend, note, ok } from './finding.js';
import { checkIdentity, type IdentityCheck } from './identity.js';
import { checkPermissions } from './permissions.js';
import { checkSpool } from './spool.js';
import { checkStateDirectory } from './state-directory.js';

const markerIsOn = note(
  'marker',
  'messages carry the security marker ("securityMarker": true), so that a hub with the security service routes them to that service alone and to none of your own endpoints',
  'remove "securityMarker" from the configuration if no message arrives where you look for it',
);

interface ConfigurationCheckOptions {
  readonly configFile: string;
  /** What is in the file. */
  readonly read: LocalResult;
  readonly user: AgentUser;
  readonly answer: StatusDocument | Unanswered;
}

/** Whether the agent could start with this configuration, and keep what it collects. */
export async function checkConfiguration(
  options: ConfigurationCheckOptions,
): Promise<IdentityCheck> {
  const { answer, configFile, read, user } = options;
  if ('problems' in read) {
    // Every problem tells its remedy; of a file that is missing there is a better one.
    const remedy = existsSync(configFile) ? undefined : 'iot-security-agent enroll writes it';
    return { findings: read.problems.map(({ message }) => mend('settings', message, remedy)) };
  }
  const { settings } = read;
  const { findings: identity, ...rest } = await checkIdentity(settings, user);
  const findings = [
    ok('settings', `${configFile} can be used`),
    ...(settings.securityMarker ? [markerIsOn] : []),
    ...identity,
    ...(await checkPermissions(configFile, settings, user)),
    ...(await checkStateDirectory(settings.stateDirectory, user)),
    await checkSpool(settings.stateDirectory, answer),
  ];
  return { findings, ...rest };
}
