import type { LocalSettings } from '../../config/local-settings.js';
import { createCredentialSource } from '../identity/credential-source.js';
import { CredentialError } from '../identity/credentials/credential-error.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import { surroundingsOf } from '../identity/modes/surroundings.js';
import { ServiceError } from '../identity/services/service-error.js';
import type { AgentUser } from './agent-user.js';
import { mend, ok, type Finding } from './finding.js';

export interface IdentityCheck {
  readonly findings: readonly Finding[];
  readonly credentials?: ModuleCredentials;
}

/** Whether the credentials can be had, for the user of the agent, and whose they are. */
export async function checkIdentity(
  settings: LocalSettings,
  user: AgentUser,
): Promise<IdentityCheck> {
  try {
    const access = user.ids === undefined ? {} : { ids: user.ids };
    const credentials = await createCredentialSource(settings, {
      ...surroundingsOf(process.env, settings.requestTimeout.ms),
      access,
    }).current();
    const { deviceId, hostName, moduleId } = credentials;
    const found = `the credentials of ${deviceId}/${moduleId} at ${hostName} can be read`;
    return { findings: [ok('identity', found)], credentials };
  } catch (error) {
    if (!(error instanceof CredentialError || error instanceof ServiceError)) throw error;
    return { findings: [mend('identity', error.message)] };
  }
}
