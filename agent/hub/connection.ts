import type { Clock } from '../../base/clock.js';
import { deferred, withDeadline } from '../../base/deadline.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { withCode, type ErrorCode } from '../../contract/error-code.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import { asHubError, HubError, isRefusal } from './failure.js';
import type { HubClient, HubClientEvents, TwinDocument } from './hub-client.js';
import type { OutgoingMessage } from './message.js';
import { OpenPublishes } from './open-publishes.js';
import { TwinReader } from './twin-reader.js';

/** mqtt.js waits for outstanding acknowledgements when it closes; with the last send before it a stop takes this more. */
const closeTimeoutMs = 1_000;

/** Makes the client of one connection. */
export type CreateClient = (credentials: ModuleCredentials, events: HubClientEvents) => HubClient;

interface ConnectionOptions {
  readonly createClient: CreateClient;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly moments: Pick<Moments, 'firstReadMs' | 'readMs'>;
  /** Longest wait for an answer of the hub to one request, an acknowledgement included. */
  readonly requestTimeoutMs: number;
  readonly onTwin: (twin: TwinDocument) => void;
  readonly onPatch: (patch: JsonObject) => void;
  /** It is over, and what waited for an answer is not rejected yet. */
  readonly onEnd: () => void;
}

/**
 * The life of one client: opened once, ended once by the first doubt, then closed. After its end nothing of the client is
 * handed on any more, and every call that waits for an answer is rejected with what ended it.
 */
export class Connection {
  private readonly client: HubClient;
  private readonly publishes: OpenPublishes;
  private readonly twin: TwinReader;
  /** The calls that wait for an answer. */
  private readonly pending = new Set<(failure: HubError) => void>();
  private readonly ending = deferred<HubError>();
  private isOver = false;

  constructor(
    credentials: ModuleCredentials,
    private readonly options: ConnectionOptions,
  ) {
    const { clock, moments } = options;
    this.client = options.createClient(credentials, this.events());
    this.publishes = new OpenPublishes(clock, credentials);
    this.twin = new TwinReader({
      ...options,
      read: () =>
        this.limit(
          'answer a read of the module twin',
          this.client.readTwin(),
          'Remote Configuration / Timeout',
        ),
      readMs: (atLeastMs) => moments.readMs(atLeastMs),
      onDoubt: (failure) => this.end(failure),
    });
  }

  /** Resolves with what ended it. */
  get ended(): Promise<HubError> {
    return this.ending.promise;
  }

  /** Resolves when the hub took the connection. @throws HubError */
  async open(): Promise<void> {
    const opening = this.limit(
      'answer while connecting',
      this.client.open(),
      'Authentication / Other',
    );
    const early = await Promise.race([opening, this.ended]);
    if (early !== undefined) throw early;
    // Both may have happened in the same moment.
    if (this.isOver) throw await this.ended;
  }

  /** Has the whole twin read for the first time. */
  begin(): void {
    this.twin.request(this.options.moments.firstReadMs());
  }

  /** Has it read again soon. */
  readTwin(): void {
    this.twin.request(this.options.moments.readMs(0));
  }

  /** @throws HubError */
  async send(message: OutgoingMessage): Promise<void> {
    await this.ask('acknowledge a security message', () => {
      this.publishes.sent(message);
      return this.client.send(message);
    });
    this.publishes.acknowledged(message);
  }

  /** @throws HubError */
  async report(patch: JsonObject): Promise<void> {
    await this.ask('accept the reported properties', () => this.client.report(patch));
  }

  end(cause: HubError): void {
    if (this.isOver) return;
    this.isOver = true;
    const suspicion = this.publishes.suspicion(cause);
    const failure =
      suspicion === undefined ? cause : new HubError(cause.kind, cause.message, suspicion);
    this.ending.resolve(failure);
    this.twin.stop();
    this.options.onEnd();
    for (const reject of this.pending) reject(failure);
  }

  /** Resolves when the client is closed, or has been cut after 1 s. */
  async close(): Promise<void> {
    this.isOver = true;
    this.twin.stop();
    const closed = await withDeadline(
      this.options.clock,
      closeTimeoutMs,
      this.client.close().then(() => true),
      () => new HubError('timeout', 'Closing took too long.'),
    ).catch(() => false);
    if (!closed) this.client.abandon();
  }

  private events(): HubClientEvents {
    const alive = (what: () => void): void => {
      if (!this.isOver) what();
    };
    return {
      desiredPatch: (patch) => alive(() => this.twin.patch(patch)),
      disconnected: (failure) => alive(() => this.end(failure)),
      renewed: () => alive(() => this.readTwin()),
      unusable: (what) =>
        alive(() => {
          this.options.log.warn(`The hub sent ${what}; it was dropped.`);
          this.readTwin();
        }),
    };
  }

  private async ask(what: string, call: () => Promise<void>): Promise<void> {
    const ended = deferred<never>();
    this.pending.add(ended.reject);
    try {
      await Promise.race([this.limit(what, call()), ended.promise]);
    } catch (error) {
      const failure = asHubError(error);
      if (!isRefusal(failure) && !this.isOver) {
        this.end(failure);
        // The end has said of it what else is known.
        return await ended.promise;
      }
      throw failure;
    } finally {
      this.pending.delete(ended.reject);
    }
  }

  private limit<T>(what: string, work: Promise<T>, code?: ErrorCode): Promise<T> {
    const { clock, requestTimeoutMs } = this.options;
    return withDeadline(clock, requestTimeoutMs, work, () => {
      const seconds = Math.round(requestTimeoutMs / 1000);
      const sentence = `The hub did not ${what} within ${seconds} s`;
      return new HubError('timeout', `${code ? withCode(sentence, code) : sentence}.`);
    });
  }
}
