import { systemClock, type Clock } from '../../../base/clock.js';
import { silentLog, type Log } from '../../../base/log.js';
import { secretAccess, type SecretAccess } from '../credentials/secret-file.js';

/** What a source of credentials knows beside the settings. */
export interface Surroundings {
  readonly access: SecretAccess;
  readonly environment: NodeJS.ProcessEnv;
  /** The time by which tokens are signed, in milliseconds since the epoch: the hub's as far as it is known. */
  readonly hubTimeMs: () => number;
  /** Longest wait for an answer of a service. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
}

/** For a command that is over soon. */
export function surroundingsOf(environment: NodeJS.ProcessEnv, timeoutMs: number): Surroundings {
  return {
    access: secretAccess(environment),
    environment,
    hubTimeMs: Date.now,
    timeoutMs,
    clock: systemClock,
    random: Math.random,
    log: silentLog,
  };
}
