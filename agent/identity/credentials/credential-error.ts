export type CredentialErrorKind =
  | 'missing'
  | 'unreadable'
  | 'unsafe-mode'
  | 'malformed'
  /** A certificate that has expired or is not valid yet, by the clock of the device, which may be wrong. */
  | 'not-valid-now';

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
