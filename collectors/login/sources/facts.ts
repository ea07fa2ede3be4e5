import type { LoginRecord } from '../../kernel/audit/login-records.js';

/** What is known of one attempt to log in, or of a logout; whatever is absent is not known. */
export interface LoginFacts extends Omit<LoginRecord, 'stage'> {
  /** Refusals that only the program told (keys that were offered, say): of a failure those it stands for, of a success those before it. */
  readonly refusals?: number;
  /** Of a logout: how long the session was. */
  readonly sessionMs?: number;
}
