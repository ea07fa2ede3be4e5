import type { LocalSettings } from '../../config/local-settings.js';

/** All that is needed to connect as the module. Holds a secret: never to be logged or put into an error. */
export interface ModuleCredentials {
  readonly hostName: string;
  /** Where to connect instead of `hostName`; may end in `:port`. */
  readonly gatewayHostName?: string;
  readonly deviceId: string;
  readonly moduleId: string;
  /** Base64. */
  readonly sharedAccessKey: string;
  /** PEM certificates that are trusted in addition to the public ones. */
  readonly trustedCaPem?: string;
}

export type CredentialErrorKind = 'missing' | 'unreadable' | 'unsafe-mode' | 'malformed';

/** A credential cannot be used; the message says which file, why and what to do, and never shows content. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';

  constructor(
    readonly kind: CredentialErrorKind,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads the credentials that the settings name; read anew on each call, because keys are rolled.
 * @throws CredentialError
 */
export function loadCredentials(settings: LocalSettings): Promise<ModuleCredentials> {
  return Promise.reject(new CredentialError('missing', `nothing reads ${settings.identity.mode}`));
}
