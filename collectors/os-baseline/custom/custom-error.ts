/** Why a file of custom checks cannot be used: a sentence that names the check and the key, and repeats no content. */
export class CustomChecksError extends Error {
  override readonly name = 'CustomChecksError';
}
