import { Backoff, type BackoffRange } from '../../../base/backoff.js';
import type { Clock } from '../../../base/clock.js';
import { ServiceError, type ServiceErrorKind } from '../services/service-error.js';

/** Answers of a service that cost it something, and come from many devices at one time. */
const costly: readonly ServiceErrorKind[] = ['throttled', 'unavailable', 'protocol'];

const range: BackoffRange = { shortestMs: 30_000, longestMs: 60 * 60_000 };

/**
 * Keeps a service from being asked too often, whatever the pauses of the link are: after an answer that says that it has
 * too much to do it is left alone for a pause that grows up to an hour, with jitter, and for as long as it wants at least.
 * Who asks meanwhile has the same error again.
 */
export class Restraint {
  private readonly backoff: Backoff;
  private notBeforeMs = -Infinity;
  private last: ServiceError | undefined;

  /** @param random uniform in [0, 1) */
  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    random: () => number,
  ) {
    this.backoff = new Backoff(range, random);
  }

  /** @throws ServiceError, of the work or of a former one */
  async ask<T>(work: () => Promise<T>): Promise<T> {
    if (this.last !== undefined && this.clock.monotonicMs() < this.notBeforeMs) throw this.last;
    this.last = undefined;
    try {
      const result = await work();
      this.backoff.reset();
      return result;
    } catch (error) {
      if (error instanceof ServiceError && costly.includes(error.kind)) this.rest(error);
      throw error;
    }
  }

  private rest(error: ServiceError): void {
    this.last = error;
    const pauseMs = Math.max(this.backoff.nextMs(), error.retryAfterMs ?? 0);
    this.notBeforeMs = this.clock.monotonicMs() + pauseMs;
  }
}
