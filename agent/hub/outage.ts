import { authorisationBackoff, Backoff, networkBackoff } from '../../base/backoff.js';
import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { HubError } from './failure.js';
import { FlapDetector, flapPauseMs } from './flap-detector.js';

/** A connection that held for so long has shown that the hub and the network are well. */
const lastedMs = 60_000;

/**
 * The time without a lasting connection: how long to wait between two attempts, and what to tell the operator.
 *
 * 1. Each kind of failure of each attempt is told once per outage, and once per row of connections that did not last; the
 *    repetitions are told at the level of debug.
 * 2. Pauses grow until a connection has lasted for `lastedMs`; those after refused credentials until one was made.
 * 3. Several short lives in a row that the hub ended are told as what they have in common.
 */
export class Outage {
  private readonly backoff: Backoff;
  private readonly refusedBackoff: Backoff;
  private readonly flaps: FlapDetector;
  /** Failures to connect that were told since the last connection. */
  private readonly said = new Set<string>();
  /** Failures that ended a connection and were told since the last one that lasted. */
  private readonly shaken = new Set<string>();
  private failures = 0;
  /** That a message may have ended one of the short lives in a row. */
  private suspicion: string | undefined;
  /** What the last failures have in common, where that says more than the last of them. */
  pattern: string | undefined;

  constructor(
    clock: Clock,
    private readonly random: () => number,
    private readonly log: Log,
    private readonly moments: Pick<Moments, 'connectMs' | 'reconnectMs'>,
  ) {
    this.backoff = new Backoff(networkBackoff, random);
    this.refusedBackoff = new Backoff(authorisationBackoff, random);
    this.flaps = new FlapDetector(clock);
  }

  over(): void {
    const fields = this.failures > 0 ? { failedAttempts: this.failures } : {};
    // A connection that is made again and again and never lasts is no news.
    const news = this.failures > 0 || this.shaken.size === 0;
    this.log[news ? 'info' : 'debug']('Connected to the IoT Hub.', fields);
    this.failures = 0;
    this.said.clear();
    this.refusedBackoff.reset();
  }

  /**
   * @param lifeMs how long the connection was established; undefined when it never was
   * @param otherProof the credentials were refused, but the next attempt shows others: signed by the right time, or by
   * another key
   * @returns the pause before the next attempt, in milliseconds
   */
  pauseAfter(failure: HubError, lifeMs: number | undefined, otherProof = false): number {
    if (lifeMs === undefined) this.failures += 1;
    else if (lifeMs >= lastedMs) {
      this.backoff.reset();
      this.shaken.clear();
      this.suspicion = undefined;
    }
    this.suspicion = failure.suspicion ?? this.suspicion;
    this.pattern = undefined;
    if (lifeMs !== undefined && failure.kind === 'dropped' && this.flaps.ended(lifeMs)) {
      return this.flapping();
    }
    const refused =
      (failure.kind === 'authorisation' && !otherProof) || failure.kind === 'credentials';
    const pauseMs = refused
      ? this.moments.connectMs(this.refusedBackoff.nextMs())
      : this.moments.reconnectMs(this.backoff.nextMs());
    const fields = { failedAttempts: this.failures, retryInSeconds: Math.round(pauseMs / 1000) };
    const told = lifeMs === undefined ? this.said : this.shaken;
    const what = repeatedAs(failure);
    this.log[told.has(what) ? 'debug' : 'warn'](failure.message, fields);
    told.add(what);
    return pauseMs;
  }

  private flapping(): number {
    const pauseMs = this.moments.connectMs(flapPauseMs(this.random));
    const causes =
      this.suspicion === undefined
        ? 'Most likely another client uses the same identity: stop it'
        : `${this.suspicion} If messages of this device do arrive, another client uses the same identity: stop it`;
    this.pattern = `The hub accepted the connection and dropped it at once, ${this.flaps.limit} times in a row. ${causes}, or give one of the two a module identity of its own.`;
    this.log.warn(`${this.pattern} The next attempt follows later.`, {
      retryInSeconds: Math.round(pauseMs / 1000),
    });
    return pauseMs;
  }
}

/** What two failures have in common that are the same to an operator: "Could not … at …", whatever follows, and the kind. */
function repeatedAs({ kind, message }: HubError): string {
  const [attempt = ''] = message.split(': ');
  return `${kind} ${attempt}`;
}
