import { Backoff } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { asHubError, isRefusal, type HubError } from './failure.js';
import type { TwinDocument } from './hub-client.js';

/** Changes held back while the twin is read; when more come it is read again instead. */
const maxHeldPatches = 64;
const retryRange = { shortestMs: 5_000, longestMs: 5 * 60_000 };

interface TwinReaderOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly read: () => Promise<TwinDocument>;
  readonly onTwin: (twin: TwinDocument) => void;
  readonly onPatch: (patch: JsonObject) => void;
  /** Until the twin may be read again, `atLeastMs` from now or later. */
  readonly readMs: (atLeastMs: number) => number;
  /** The twin was not read, and not because the hub asked to wait. */
  readonly onDoubt: (failure: HubError) => void;
}

/**
 * The twin as one connection sees it.
 *
 * 1. One read is under way or waits at a time, however often one is asked for.
 * 2. Changes that come while the twin is read are handed on after it, because nobody can tell whether the answer already
 *    holds them. When there are more than `maxHeldPatches`, the twin is read once more instead.
 * 3. A refused read is repeated after a growing pause; any other failure is a doubt about the connection.
 * 4. After `stop` no read begins, and what one still brings is dropped.
 */
export class TwinReader {
  private readonly backoff: Backoff;
  private reading = false;
  private again = false;
  private stopped = false;
  private saidRefused = false;
  private timer: Timer | undefined;
  private held: JsonObject[] = [];

  constructor(private readonly options: TwinReaderOptions) {
    this.backoff = new Backoff(retryRange, options.random);
  }

  /** Reads the twin in `waitMs`, or once more when a read is under way; a read that waits already is enough. */
  request(waitMs: number): void {
    if (this.reading) this.again = true;
    else if (this.timer === undefined && waitMs > 0) this.readIn(waitMs);
    else if (this.timer === undefined) void this.read();
  }

  patch(patch: JsonObject): void {
    if (!this.reading) this.options.onPatch(patch);
    else if (this.held.length < maxHeldPatches) this.held.push(patch);
    else this.again = true;
  }

  stop(): void {
    this.stopped = true;
    this.timer?.cancel();
  }

  private async read(): Promise<void> {
    this.reading = true;
    this.again = false;
    const outcome = await this.options.read().catch(asHubError);
    this.reading = false;
    if (this.stopped) return;
    if (!(outcome instanceof Error)) {
      this.backoff.reset();
      if (this.saidRefused) this.options.log.info('The module twin can be read again.');
      this.saidRefused = false;
      this.options.onTwin(outcome);
    } else if (isRefusal(outcome)) {
      this.readLater(outcome);
    } else {
      this.options.onDoubt(outcome);
      return;
    }
    for (const patch of this.held.splice(0)) this.options.onPatch(patch);
    if (this.wantedAgain()) this.request(this.options.readMs(0));
  }

  private wantedAgain(): boolean {
    return this.again && this.timer === undefined;
  }

  private readLater(failure: HubError): void {
    const retryMs = this.options.readMs(this.backoff.nextMs());
    const fields = { retryInSeconds: Math.round(retryMs / 1000) };
    const sentence = `${failure.message} The settings stay as they are until then.`;
    this.options.log[this.saidRefused ? 'debug' : 'warn'](sentence, fields);
    this.saidRefused = true;
    this.readIn(retryMs);
  }

  private readIn(waitMs: number): void {
    this.timer = this.options.clock.after(waitMs, () => {
      this.timer = undefined;
      void this.read();
    });
  }
}
