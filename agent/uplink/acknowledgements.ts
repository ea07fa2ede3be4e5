import type { Clock } from '../../base/clock.js';

/** What became of the messages that were handed to the hub since it last acknowledged one. */
export interface Silence {
  /** Attempts in a row that ended without an acknowledgement. */
  readonly failedInARow: number;
  /** How long a message has been on its way over the present connection; 0 when none is. */
  readonly waitingMs: number;
  /** Why the last attempt ended, a sentence. */
  readonly failure?: string;
}

/** Tells whether what is sent arrives: only the hub's acknowledgement (PUBACK) says so. */
export class Acknowledgements {
  private failedInARow = 0;
  private failure: string | undefined;
  private sinceMs: number | undefined;

  constructor(private readonly clock: Pick<Clock, 'monotonicMs'>) {}

  handedOver(): void {
    this.sinceMs ??= this.clock.monotonicMs();
  }

  acknowledged(): void {
    this.failedInARow = 0;
    this.failure = undefined;
    this.sinceMs = undefined;
  }

  /** All that was on its way is to be sent again. */
  failed(reason: string): void {
    this.failedInARow += 1;
    this.failure = reason;
    this.sinceMs = undefined;
  }

  tell(): Silence {
    const { failedInARow, failure, sinceMs } = this;
    const waitingMs = sinceMs === undefined ? 0 : this.clock.monotonicMs() - sinceMs;
    return { failedInARow, waitingMs, ...(failure === undefined ? {} : { failure }) };
  }
}
