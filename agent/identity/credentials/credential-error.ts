export type CredentialErrorKind = 'missing' | 'unreadable' | 'unsafe-mode' | 'malformed';

/**
 * A credential cannot be used. The message says which setting and file, why, and what to do; it never shows what the
 * file holds.
 */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';

  constructor(
    readonly kind: CredentialErrorKind,
    message: string,
  ) {
    super(message);
  }
}
