import { readLocalSettings } from '../../config/read-local-settings.js';
import { createCredentialSource } from '../identity/credential-source.js';
import { surroundingsOf } from '../identity/modes/surroundings.js';
import { askStatus } from '../status/client.js';
import { statusSocket } from '../status/service.js';

/**
 * Whether the agent of this configuration runs as the same module: a second client of an identity would throw it off.
 * @param who what tells the new identity from others, see `CredentialSource.check`
 */
export async function runsAs(who: string | undefined, settingsFile: string): Promise<boolean> {
  const read = await readLocalSettings(settingsFile);
  if (!('settings' in read) || who === undefined) return false;
  const { settings } = read;
  if (!('agent' in (await askStatus(statusSocket(settings.runtimeDirectory))))) return false;
  const surroundings = surroundingsOf(process.env, settings.requestTimeout.ms);
  const before = await createCredentialSource(settings, surroundings)
    .check()
    .catch(() => undefined);
  return before?.toLowerCase() === who.toLowerCase();
}
