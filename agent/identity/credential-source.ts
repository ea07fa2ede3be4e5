import type { LocalSettings } from '../../config/local-settings.js';
import type { CredentialSource } from './credentials/credentials.js';
import { CredentialError } from './credentials/credential-error.js';
import { moduleSource } from './modes/module.js';
import type { Surroundings } from './modes/surroundings.js';

/** Where the credentials come from by `identity.mode`; one file a mode in `modes/`. */
export function createCredentialSource(
  settings: LocalSettings,
  surroundings: Surroundings,
): CredentialSource {
  const { identity, proxy, transport } = settings;
  if (identity.certificateFile !== undefined) return notYet('identity.certificateFile');
  if (transport === 'mqtt-websocket') return notYet('transport mqtt-websocket');
  if (proxy !== undefined) return notYet('proxy');
  switch (identity.mode) {
    case 'module':
      return moduleSource(settings, surroundings);
    case 'device':
    case 'dps':
    case 'edge':
      return notYet(`identity.mode ${identity.mode}`);
  }
}

function notYet(what: string): CredentialSource {
  const refuse = (): Promise<never> =>
    Promise.reject(
      new CredentialError('malformed', `${what} cannot be used yet by this version; remove it`),
    );
  return { current: refuse, check: refuse, refused: () => undefined };
}
