import type { Clock } from '../../base/clock.js';
import { deferred } from '../../base/deadline.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { CredentialSource, ModuleCredentials } from '../identity/credentials/credentials.js';
import { ServiceError, type HubAddress } from '../identity/services/service-error.js';
import { Connection, type CreateClient } from './connection.js';
import { asHubError, HubError } from './failure.js';
import type { LinkListener, LinkState } from './link-state.js';
import type { OutgoingMessage } from './message.js';
import { Outage } from './outage.js';
import { ProofSupply, type Ended } from './proof-supply.js';

export interface HubLinkOptions {
  /** Asked before every attempt, so that a mended key file is used without a restart. */
  readonly source: CredentialSource;
  readonly createClient: CreateClient;
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
  private readonly supply: ProofSupply;
  private life: Connection | undefined;
  private wake: (() => void) | undefined;
  private running: Promise<void> | undefined;
  private stopping = false;
  /** Rejected by a stop, which waits for no service that is being asked. */
  private halted = deferred<never>();
  private current: LinkState = { name: 'stopped' };

  constructor(private readonly options: HubLinkOptions) {
    this.outage = new Outage(options.clock, options.random, options.log, options.moments);
    this.supply = new ProofSupply(options);
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
    await this.connection().send(message);
  }

  /** Sends a merge patch of the reported properties; resolves when the hub accepted it. @throws HubError */
  async report(patch: JsonObject): Promise<void> {
    await this.connection().report(patch);
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
    if (this.connected) this.life?.readTwin();
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
      const hasOtherProof = await this.supply.ended(ended);
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition
      if (this.stopping) break;
      const pauseMs = this.outage.pauseAfter(failure, lifeMs, hasOtherProof);
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
    let life: Connection | undefined;
    let credentials: ModuleCredentials | undefined;
    try {
      credentials = await Promise.race([this.supply.current(), this.halted.promise]);
      if (this.stopping) throw stopped();
      life = this.connectionOf(credentials);
      this.life = life;
      await life.open();
      const establishedMs = clock.monotonicMs();
      this.outage.over();
      this.supply.accepted();
      this.enter({ name: 'connected' });
      life.begin();
      const failure = await life.ended;
      const lifeMs = clock.monotonicMs() - establishedMs;
      return { failure, lifeMs, credentials, asked: undefined };
    } catch (error) {
      const asked = error instanceof ServiceError ? error.asked : undefined;
      return { failure: asHubError(error), lifeMs: undefined, credentials, asked };
    } finally {
      this.life = undefined;
      await life?.close();
    }
  }

  private connectionOf(credentials: ModuleCredentials): Connection {
    return new Connection(credentials, {
      ...this.options,
      onTwin: (twin) => this.tell((listener) => listener.onTwin?.(twin)),
      onPatch: (patch) => this.tell((listener) => listener.onDesiredPatch?.(patch)),
      onEnd: () => {
        this.life = undefined;
        if (this.connected) this.enter({ name: 'closing' });
      },
    });
  }

  /** @throws HubError */
  private connection(): Connection {
    if (this.life !== undefined && this.connected) return this.life;
    throw new HubError('network', 'There is no connection to the hub.');
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
