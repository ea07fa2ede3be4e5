/** Why one document cannot be used; `message` is a sentence that tells what to do. */
export class RuleError extends Error {
  override readonly name = 'RuleError';

  constructor(
    message: string,
    /** From 1; undefined where it is about the whole file. */
    readonly line?: number,
  ) {
    super(message);
  }
}
