import type { Clock } from '../../base/clock.js';
import { deferred, withDeadline } from '../../base/deadline.js';
import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { CredentialSource, ModuleCredentials } from '../identity/credentials/credentials.js';
import { ServiceError, type HubAddress } from '../identity/services/service-error.js';
import { asHubError, HubError, isRefusal } from './failure.js';
import type { HubClient, HubClientEvents } from './hub-client.js';
import type { LinkListener, LinkState } from './link-state.js';
import { LongSilence } from './long-silence.js';
import type { OutgoingMessage } from './message.js';
import { OpenPublishes } from './open-publishes.js';
import { Outage } from './outage.js';
import { TwinReader } from './twin-reader.js';

export interface HubLinkOptions {
  /** Asked before every attempt, so that a mended key file is used without a restart. */
  readonly source: CredentialSource;
  readonly createClient: (credentials: ModuleCredentials, events: HubClientEvents) => HubClient;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly moments: Pick<Moments, 'connectMs' | 'reconnectMs' | 'firstReadMs' | 'readMs'>;
  /** Longest wait for an answer of the hub to one request, an acknowledgement included. */
  readonly requestTimeoutMs: number;
  /**
   * Called after a refusal of the credentials, which a wrong clock causes too.
   * @returns whether a token would be signed with another time now
   */
  readonly compareTime: (hub: HubAddress) => Promise<boolean>;
}

/** mqtt.js waits for outstanding acknowledgements when it closes; with the last send before it a stop takes this more. */
const closeTimeoutMs = 1_000;

/** What belongs to one connection and ends with it. */
interface Life {
  readonly client: HubClient;
  /** The calls that wait for an answer; they end with the life. */
  readonly pending: Set<(failure: HubError) => void>;
  readonly publishes: OpenPublishes;
  readonly twin: TwinReader;
  readonly end: (failure: HubError) => void;
}

/** How a life, or the attempt at one, ended. */
interface Ended {
  readonly failure: HubError;
  /** How long the connection was established; undefined when it never was. */
  readonly lifeMs: number | undefined;
  /** Undefined when they could not be had. */
  readonly credentials: ModuleCredentials | undefined;
  /** Who refused instead of the hub, where it was another service. */
  readonly asked: HubAddress | undefined;
}

/**
 * The connection to the hub, kept up from `start` to `stop`; only `send` and `report` reject.
 *
 * 1. At most one client is alive; each is opened once and closed once, and what a former one still says is ignored.
 * 2. Any doubt ends the life: a lost connection, a call without an answer in time, an unreadable twin. Only a refusal
 *    of one request (throttled, not acceptable) leaves the connection as it is.
 * 3. The twin is read after every connect; changes that arrive while it is being read are handed on after it.
 * 4. Every attempt but the first of a start comes after a pause with jitter; a life shorter than a minute does not
 *    shorten the next pause.
 * 5. Where the fleet is spread, every attempt and every read of the twin is at a moment of this device, the first ones
 *    included.
 *
 * Its modes (`LinkState`):
 *
 * ## stopped
 *
 * Before `start` and after `stop`. `stop` leads here from every other mode, once the last client is closed or cut.
 *
 * ## starting
 *
 * The first attempt of a fleet that is spread waits for the moment of this device. Where nothing is spread this mode is
 * left out.
 *
 * ## connecting
 *
 * The credentials are read, a client is made and opened. Its end is `connected`, or `waiting`.
 *
 * ## connected
 *
 * The hub took the connection. Messages and reported properties are sent only in this mode; the twin is read.
 *
 * ## closing
 *
 * A doubt ended the life: requests that wait for an answer are rejected, nothing of this client is handed on any more,
 * and it is closed.
 *
 * ## waiting
 *
 * The pause before the next attempt, as long as `Outage` says; where the cause may have been the time of the device, a
 * clock that is set ends it. Then `connecting`.
 */
export class HubLink {
  private readonly listeners = new Set<LinkListener>();
  private readonly outage: Outage;
  private readonly silence: LongSilence;
  private life: Life | undefined;
  private wake: (() => void) | undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
  /** Rejected by a stop, which waits for no service that is being asked. */
  private halted = deferred<never>();
  private current: LinkState = { name: 'stopped' };

  constructor(private readonly options: HubLinkOptions) {
    this.outage = new Outage(options.clock, options.random, options.log, options.moments);
    this.silence = new LongSilence(options.clock);
  }

  /** @returns what ends the listening. */
  listen(listener: LinkListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  get state(): LinkState {
    return this.current;
  }

  get connecting(): boolean {
    return this.current.name === 'connecting';
  }

  get connected(): boolean {
    return this.current.name === 'connected';
  }

  /** Starts connecting and returns at once. */
  start(): void {
    if (this.running !== undefined) return;
    this.stopping = false;
    this.halted = deferred();
    this.halted.promise.catch(() => undefined);
    this.running = this.run();
  }

  /** Resolves when the last client is closed or has been cut, after 1 s at most. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.halted.reject(stopped());
    this.life?.end(stopped());
    this.wake?.();
    await this.running;
    this.running = undefined;
  }

  /** Resolves with the hub's acknowledgement. @throws HubError */
  async send(message: OutgoingMessage): Promise<void> {
    const publishes = this.life?.publishes;
    await this.ask('acknowledge a security message', (client) => {
      publishes?.sent(message);
      return client.send(message);
    });
    publishes?.acknowledged(message);
  }

  /** Sends a merge patch of the reported properties; resolves when the hub accepted it. @throws HubError */
  async report(patch: JsonObject): Promise<void> {
    await this.ask('accept the reported properties', (client) => client.report(patch));
  }

  /** The clock of the device was set: what it was the cause of may be over. */
  clockSet(): void {
    const { current } = this;
    if (
      current.name === 'waiting' &&
      ['tls', 'authorisation', 'credentials'].includes(current.failure.kind)
    ) {
      this.wake?.();
    }
  }

  /** Has the whole twin read again soon; does nothing while there is no connection, as each one begins with that. */
  readTwin(): void {
    if (this.connected) this.life?.twin.request(this.options.moments.readMs(0));
  }

  private async run(): Promise<void> {
    await this.awaitFirstMoment();
    while (!this.stopping) {
      this.enter({ name: 'connecting' });
      const ended = await this.live();
      const { failure, lifeMs } = ended;
      // Set while `live` was awaited.
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition
      if (this.stopping) break;
      const correctedTime = await this.correctTime(ended);
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition
      if (this.stopping) break;
      const hasOthers = this.tellSource(ended, correctedTime);
      const pauseMs = this.outage.pauseAfter(failure, lifeMs, correctedTime || hasOthers);
      const { pattern } = this.outage;
      const told = pattern === undefined ? failure : new HubError(failure.kind, pattern);
      this.enter({ name: 'waiting', failure: told, retryInMs: pauseMs });
      await this.pause(pauseMs);
    }
    this.enter({ name: 'stopped' });
  }

  private async awaitFirstMoment(): Promise<void> {
    const connectInMs = this.options.moments.connectMs(0);
    if (connectInMs === 0) return;
    this.options.log.info('The first connection follows at the moment of this device.', {
      connectInSeconds: Math.round(connectInMs / 1000),
    });
    this.enter({ name: 'starting', connectInMs });
    await this.pause(connectInMs);
  }

  /** From the credentials to the end of the connection, whatever the end is. */
  private async live(): Promise<Ended> {
    const { clock } = this.options;
    let client: HubClient | undefined;
    let credentials: ModuleCredentials | undefined;
    try {
      credentials = await this.readCredentials();
      if (this.stopping) throw stopped();
      const ended = deferred<HubError>();
      const made = this.options.createClient(
        credentials,
        this.eventsOf(() => life),
      );
      client = made;
      const life: Life = {
        client: made,
        pending: new Set(),
        publishes: new OpenPublishes(clock, credentials),
        twin: new TwinReader({
          ...this.options,
          read: () => this.limit('answer a read of the module twin', made.readTwin()),
          onTwin: (twin) => this.tell((listener) => listener.onTwin?.(twin)),
          onPatch: (patch) => this.tell((listener) => listener.onDesiredPatch?.(patch)),
          readMs: (atLeastMs) => this.options.moments.readMs(atLeastMs),
          onDoubt: (failure) => life.end(failure),
        }),
        end: (cause) => {
          const suspicion = life.publishes.suspicion(cause);
          const failure =
            suspicion === undefined ? cause : new HubError(cause.kind, cause.message, suspicion);
          ended.resolve(failure);
          this.giveUp(life, failure);
        },
      };
      this.life = life;
      const opening = this.limit('answer while connecting', made.open());
      const early = await Promise.race([opening, ended.promise]);
      if (early !== undefined) throw early;
      // Both may have happened in the same moment.
      if (this.life !== life) throw await ended.promise;
      const establishedMs = clock.monotonicMs();
      this.outage.over();
      this.silence.over();
      this.enter({ name: 'connected' });
      life.twin.request(this.options.moments.firstReadMs());
      const failure = await ended.promise;
      const lifeMs = clock.monotonicMs() - establishedMs;
      return { failure, lifeMs, credentials, asked: undefined };
    } catch (error) {
      const asked = error instanceof ServiceError ? error.asked : undefined;
      return { failure: asHubError(error), lifeMs: undefined, credentials, asked };
    } finally {
      this.life = undefined;
      if (client !== undefined) await this.dispose(client);
    }
  }

  private giveUp(life: Life, failure: HubError): void {
    if (this.life !== life) return;
    this.life = undefined;
    life.twin.stop();
    if (this.connected) this.enter({ name: 'closing' });
    for (const reject of life.pending) reject(failure);
  }

  private eventsOf(life: () => Life): HubClientEvents {
    const current = (): Life | undefined => (this.life === life() ? this.life : undefined);
    return {
      desiredPatch: (patch) => current()?.twin.patch(patch),
      disconnected: (failure) => current()?.end(failure),
      renewed: () => current()?.twin.request(this.options.moments.readMs(0)),
      unusable: (what) => {
        const alive = current();
        if (alive === undefined) return;
        this.options.log.warn(`The hub sent ${what}; it was dropped.`);
        alive.twin.request(this.options.moments.readMs(0));
      },
    };
  }

  private async ask(what: string, call: (client: HubClient) => Promise<void>): Promise<void> {
    const { life } = this;
    if (life === undefined || !this.connected) {
      throw new HubError('network', 'There is no connection to the hub.');
    }
    const ended = deferred<never>();
    life.pending.add(ended.reject);
    try {
      await Promise.race([this.limit(what, call(life.client)), ended.promise]);
    } catch (error) {
      const failure = asHubError(error);
      if (!isRefusal(failure) && this.life === life) {
        life.end(failure);
        // Ending the life has said of it what else is known.
        return await ended.promise;
      }
      throw failure;
    } finally {
      life.pending.delete(ended.reject);
    }
  }

  private limit<T>(what: string, work: Promise<T>): Promise<T> {
    const { clock, requestTimeoutMs } = this.options;
    return withDeadline(clock, requestTimeoutMs, work, () => {
      const seconds = Math.round(requestTimeoutMs / 1000);
      return new HubError('timeout', `The hub did not ${what} within ${seconds} s.`);
    });
  }

  private async readCredentials(): Promise<ModuleCredentials> {
    try {
      return await Promise.race([this.options.source.current(), this.halted.promise]);
    } catch (error) {
      if (error instanceof ServiceError || error instanceof HubError) throw error;
      throw new HubError('credentials', reasonOf(error));
    }
  }

  /** @returns whether the refusal is explained by a wrong clock, which is known now */
  private async correctTime({ asked, credentials, failure }: Ended): Promise<boolean> {
    const hub = asked ?? credentials;
    if (failure.kind !== 'authorisation' || hub === undefined) return false;
    return this.options.compareTime(hub);
  }

  /**
   * Says what became of the credentials, where it may be their fault.
   * @returns whether others are at hand for the next attempt
   */
  private tellSource({ credentials, failure }: Ended, correctedTime: boolean): boolean {
    if (credentials === undefined) return false;
    const { source } = this.options;
    if (this.silence.failed(failure.kind)) source.unreachable?.(credentials);
    return failure.kind === 'authorisation' && !correctedTime && source.refused(credentials);
  }

  private async dispose(client: HubClient): Promise<void> {
    const closed = await withDeadline(
      this.options.clock,
      closeTimeoutMs,
      client.close().then(() => true),
      () => new HubError('timeout', 'Closing took too long.'),
    ).catch(() => false);
    if (!closed) client.abandon();
  }

  private async pause(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.options.clock.after(ms, resolve);
      this.wake = () => {
        timer.cancel();
        resolve();
      };
    });
    this.wake = undefined;
  }

  private enter(state: LinkState): void {
    this.current = state;
    this.tell((listener) => listener.onState?.(state));
  }

  private tell(what: (listener: LinkListener) => void): void {
    for (const listener of [...this.listeners]) what(listener);
  }
}

function stopped(): HubError {
  return new HubError('dropped', 'The agent closed the connection.');
}
