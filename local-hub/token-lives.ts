import { createHash } from 'node:crypto';

/** Tokens that were used, and when for the first time; makes them expire before they say. */
export class TokenLives {
  /** By digest: what signs in need not be kept. */
  readonly #firstUseMs = new Map<string, number>();

  /** When this token ends, if tokens live for `lifeMs` from their first use. */
  endMs(token: string, lifeMs: number, nowMs: number): number {
    const digest = createHash('sha256').update(token).digest('hex');
    const firstMs = this.#firstUseMs.get(digest) ?? nowMs;
    this.#firstUseMs.set(digest, firstMs);
    return firstMs + lifeMs;
  }
}
