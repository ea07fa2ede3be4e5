import type { LocalSettings } from '../../config/local-settings.js';
import {
  CredentialError,
  loadCredentials,
  type ModuleCredentials,
} from '../identity/credentials.js';
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
    const credentials = await loadCredentials(settings, access);
    const { deviceId, hostName, moduleId } = credentials;
    const found = `the credentials of ${deviceId}/${moduleId} at ${hostName} can be read`;
    return { findings: [ok('identity', found)], credentials };
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    return { findings: [mend('identity', error.message)] };
  }
}
