import type { CredentialSource } from '../../agent/identity/credentials/credentials.js';

/** Of a test, which says what they are each time. */
export function sourceOf(current: CredentialSource['current']): CredentialSource {
  return { current, check: () => Promise.resolve(undefined), refused: () => false };
}
