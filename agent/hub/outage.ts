import type { Clock } from '../../collectors/clock.js';
import type { Log } from '../log.js';
import { authorisationBackoff, Backoff, networkBackoff } from './backoff.js';
import type { FailureKind, HubError } from './failure.js';
import { FlapDetector, flapPauseMs } from './flap-detector.js';

/** A connection that held for so long has shown that the hub and the network are well. */
const lastedMs = 60_000;

/**
 * How long to wait between two attempts, and what to tell the operator: each kind of failure once per outage, the
 * repetitions only for those who look closer.
 */
export class Outage {
  private readonly backoff: Backoff;
  private readonly refusedBackoff: Backoff;
  private readonly flaps: FlapDetector;
  private readonly said = new Set<FailureKind>();
  private failures = 0;

  constructor(
    clock: Clock,
    private readonly random: () => number,
    private readonly log: Log,
  ) {
    this.backoff = new Backoff(networkBackoff, random);
    this.refusedBackoff = new Backoff(authorisationBackoff, random);
    this.flaps = new FlapDetector(clock);
  }

  over(): void {
    this.log.info(
      'Connected to the IoT Hub.',
      this.failures > 0 ? { failedAttempts: this.failures } : {},
    );
    this.failures = 0;
    this.said.clear();
    this.refusedBackoff.reset();
  }

  /**
   * @param lifeMs how long the connection was established; undefined when it never was
   * @returns the pause before the next attempt, in milliseconds
   */
  pauseAfter(failure: HubError, lifeMs: number | undefined): number {
    if (lifeMs === undefined) this.failures += 1;
    else if (lifeMs >= lastedMs) this.backoff.reset();
    if (lifeMs !== undefined && failure.kind === 'dropped' && this.flaps.ended(lifeMs)) {
      return this.flapping();
    }
    const refused = failure.kind === 'authorisation' || failure.kind === 'credentials';
    const pauseMs = (refused ? this.refusedBackoff : this.backoff).nextMs();
    const fields = { failedAttempts: this.failures, retryInSeconds: Math.round(pauseMs / 1000) };
    if (this.said.has(failure.kind)) this.log.debug(failure.message, fields);
    else this.log.warn(failure.message, fields);
    this.said.add(failure.kind);
    return pauseMs;
  }

  private flapping(): number {
    const pauseMs = flapPauseMs(this.random);
    this.log.warn(
      `The hub accepted the connection and dropped it at once, ${this.flaps.limit} times in a row. Most likely another client uses the same identity: stop it, or give one of the two a module identity of its own. The next attempt follows later.`,
      { retryInSeconds: Math.round(pauseMs / 1000) },
    );
    return pauseMs;
  }
}
