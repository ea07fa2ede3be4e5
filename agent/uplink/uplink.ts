import { join } from 'node:path';
import { Backoff, networkBackoff } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import type { LocalSettings } from '../../config/local-settings.js';
import type { CurrentSettings, Settings } from '../../config/settings.js';
import type { MessageStatistics } from '../accounting/message-statistics.js';
import type { AlertSeverity } from '../../contract/common-details.js';
import { sentPriorities, type SentPriority } from '../../contract/priority.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { History } from '../history/history.js';
import { stateNames } from '../state/state-directory.js';
import { HubError, isRefusal } from '../hub/failure.js';
import type { LinkListener } from '../hub/link-state.js';
import { unitBytes, unitsOf } from '../hub/message-size.js';
import type { OutgoingMessage } from '../hub/message.js';
import type { Spool, StoredEvent } from '../spool/spool.js';
import { Acknowledgements, type Silence } from './acknowledgements.js';
import { DailyUnits, type AtMidnight, type UnitCounts } from './daily-units.js';
import { DuePriorities } from './due-priorities.js';
import { FlightWindow, type Flight } from './flight-window.js';
import { LowHold } from './low-hold.js';
import { MessageCeiling } from './message-ceiling.js';
import { MessageSource, type NextMessage } from './message-source.js';
import { Pump } from './pump.js';

/** The part of `HubLink` that this needs. */
interface UplinkLink {
  readonly connected: boolean;
  /** An attempt to connect is under way. */
  readonly connecting: boolean;
  send(message: OutgoingMessage): Promise<void>;
  listen(listener: LinkListener): () => void;
}

export interface UplinkOptions {
  readonly spool: Pick<Spool, 'read' | 'acknowledge' | 'stats' | 'onAppended'>;
  readonly link: UplinkLink;
  readonly settings: CurrentSettings<
    | 'highPriorityMessageFrequency'
    | 'lowPriorityMessageFrequency'
    | 'maxMessageSizeInBytes'
    | 'hubResourceId'
  > &
    Pick<Settings, 'onChange'>;
  readonly local: Pick<
    LocalSettings,
    'messagesInFlight' | 'maxUnitsPerDay' | 'securityMarker' | 'stateDirectory'
  >;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly moments: Pick<Moments, 'nextMs'>;
  readonly lose: ReportLoss;
  /** An event as it is to be sent now. */
  readonly corrected: (event: StoredEvent) => StoredEvent;
  readonly history?: Pick<History, 'keep'>;
  /** The daily cap begins to delay Low events. */
  readonly onLowDelayed: () => void;
  readonly agentVersion: string;
  readonly agentId: string;
  readonly atMidnight?: AtMidnight;
}

/**
 * The way from the spool to the hub: what is due is sent, in order, until the hub has acknowledged it.
 *
 * 1. The spool forgets an event only after the hub acknowledged the message it was in, and all messages before that.
 * 2. Messages are made of the front of each queue, one after the other; after a failure everything that is not
 *    acknowledged is sent again from there. So the first arrivals of a priority are in order, and nothing is left out.
 * 3. A due priority stays due until a message left nothing of its queue behind, however long the hub is away.
 * 4. Nothing is sent while the link is not connected, and never more than `messagesInFlight` at a time.
 */
export class Uplink {
  private readonly source: MessageSource;
  private readonly due: DuePriorities;
  private readonly units: DailyUnits;
  private readonly backoff: Backoff;
  private readonly flights = new FlightWindow();
  private readonly ceiling: MessageCeiling;
  private readonly acknowledgements: Acknowledgements;
  private readonly hold: LowHold;
  private readonly pump = new Pump(
    () => this.sendDue(),
    (error) => {
      this.options.log.error(`The local cache could not be read: ${reasonOf(error)}.`);
      this.retryLater();
    },
    () => this.tellIdle(),
  );
  private rewinds = 0;
  private retryTimer: Timer | undefined;
  private idle: (() => void)[] = [];
  private unlisten: (() => void) | undefined;
  private unfollow: (() => void) | undefined;
  private running = false;
  private readonly counts = { messagesSent: 0, messagesUnder4KB: 0, totalFailed: 0 };

  constructor(private readonly options: UplinkOptions) {
    const { local } = options;
    this.source = new MessageSource(options);
    this.backoff = new Backoff(networkBackoff, options.random);
    this.ceiling = new MessageCeiling(options.clock, options.log);
    this.acknowledgements = new Acknowledgements(options.clock);
    this.units = new DailyUnits({
      ...options,
      maxUnits: local.maxUnitsPerDay,
      path: join(local.stateDirectory, stateNames.dailyUnits),
    });
    this.hold = new LowHold({
      ...options,
      units: this.units,
      onReleased: () => this.pump.ask(),
    });
    this.due = new DuePriorities({
      ...options,
      lowHeld: () => this.hold.holds,
      inFlightBytes: () => this.flights.sizeBytes,
      onDue: () => this.pump.ask(),
    });
  }

  /** Goes on where an earlier run stopped: what waits in the spool has waited already. */
  async start(): Promise<void> {
    this.running = true;
    this.source.start();
    await this.units.start(() => this.hold.dayBegun());
    this.unlisten = this.options.link.listen({
      onState: ({ name }) => {
        if (name === 'connected') this.onConnected();
        else this.tellIdle();
      },
    });
    this.unfollow = this.options.settings.onChange(() => this.due.settingsChanged());
    this.due.start();
    this.pump.ask();
  }

  /** Sends nothing more; resolves when acknowledgements that came in are written down. */
  async stop(): Promise<void> {
    this.running = false;
    this.unlisten?.();
    this.unfollow?.();
    this.cancelRetry();
    this.hold.stop();
    this.due.stop();
    await this.pump.settled();
    await this.source.settled();
    await this.units.stop();
  }

  /**
   * Sends everything that is stored, of both priorities. Resolves when it is acknowledged, at the latest after
   * `deadlineMs`, and at once when there is neither a connection nor an attempt at one.
   */
  async flush(deadlineMs: number): Promise<void> {
    for (const priority of sentPriorities) this.due.set(priority);
    await new Promise<void>((resolve) => {
      const timer = this.options.clock.after(deadlineMs, resolve);
      this.idle.push(() => {
        timer.cancel();
        resolve();
      });
      this.pump.ask();
    });
    await this.source.settled();
  }

  /** An alert waits in the spool: it is sent at once, past the interval, unless too many were of late. */
  alertWaits(severity: AlertSeverity): void {
    this.due.alertWaits(severity);
  }

  /** Messages of this run. */
  sent(): MessageStatistics {
    return { ...this.counts };
  }

  stats(): MessageStatistics & {
    readonly inFlight: number;
  } & UnitCounts {
    return { ...this.counts, inFlight: this.flights.count, ...this.units.stats() };
  }

  /** What the hub has not acknowledged. */
  silence(): Silence {
    return this.acknowledgements.tell();
  }

  private onConnected(): void {
    this.due.checkAge();
    // Whoever comes back tells everything in one message: the whole fleet may be coming back.
    if (this.due.is('Low')) this.due.set('High');
    this.cancelRetry();
    this.pump.ask();
  }

  private retryLater(): void {
    this.cancelRetry();
    this.retryTimer = this.options.clock.after(this.backoff.nextMs(), () => {
      this.retryTimer = undefined;
      this.pump.ask();
    });
  }

  private cancelRetry(): void {
    this.retryTimer?.cancel();
    this.retryTimer = undefined;
  }

  private async sendDue(): Promise<void> {
    for (const priority of sentPriorities) {
      while (this.due.is(priority) && this.maySend() && (await this.sendNext(priority)));
    }
  }

  /** @returns whether there may be more to send for this priority now */
  private async sendNext(priority: SentPriority): Promise<boolean> {
    const { settings, local, agentVersion, agentId } = this.options;
    const { rewinds } = this;
    const { hurries } = this.due;
    const lowHeld = this.hold.holds;
    const next = await this.source.next({
      priority,
      envelope: {
        agentVersion,
        agentId,
        hubResourceId: settings.current.hubResourceId,
        securityMarker: local.securityMarker,
      },
      limitBytes: this.ceiling.limitBytes(this.due.limitBytes()),
      lowHeld,
      fillWhole: priority === 'High' && this.due.overfull(),
      otherDue: priority === 'High' && this.due.is('Low'),
    });
    // While the spool was read a message may have failed; then this one would not be the next any more.
    if (rewinds !== this.rewinds || !this.maySend()) return false;
    if (priority === 'Low' && lowHeld) this.hold.delayed();
    else if (next === undefined || next.exhausted) {
      // An alert that came while the spool was read is not in this message.
      if (priority !== 'High' || hurries === this.due.hurries) this.due.sent(priority);
    }
    if (next === undefined) return false;
    if (priority === 'Low' && !lowHeld) this.hold.passed();
    this.launch(priority, next);
    return true;
  }

  private maySend(): boolean {
    return (
      this.running &&
      this.options.link.connected &&
      !this.flights.broken &&
      this.retryTimer === undefined &&
      this.flights.count < this.options.local.messagesInFlight
    );
  }

  private launch(priority: SentPriority, { batch }: NextMessage): void {
    const flight: Flight = { priority, batch };
    this.source.advance(batch);
    this.flights.add(flight);
    if (batch.message === undefined) {
      this.source.forget(this.flights.acknowledged(flight));
      return;
    }
    this.units.add(unitsOf(batch.sizeBytes));
    this.acknowledgements.handedOver();
    if (this.due.overfull()) this.due.set('High');
    this.options.link.send(batch.message).then(
      () => this.arrived(flight),
      (error: unknown) => this.lost(flight, error),
    );
  }

  private arrived(flight: Flight): void {
    if (!this.running) return;
    this.backoff.reset();
    this.ceiling.acknowledged();
    this.acknowledgements.acknowledged();
    this.units.acknowledged(unitsOf(flight.batch.sizeBytes));
    this.counts.messagesSent += 1;
    if (flight.batch.sizeBytes < unitBytes) this.counts.messagesUnder4KB += 1;
    this.source.forget(this.flights.acknowledged(flight));
    this.settle();
  }

  private lost(flight: Flight, error: unknown): void {
    if (!this.running) return;
    this.counts.totalFailed += 1;
    this.options.log.debug(reasonOf(error), { events: flight.batch.eventCount });
    // The first that fails speaks for all that were in flight with it.
    if (!this.flights.broken) {
      this.acknowledgements.failed(reasonOf(error));
      const isRefused = error instanceof HubError && isRefusal(error);
      if (!isRefused) this.ceiling.lost(this.flights.oldestBytes ?? 0);
    }
    this.flights.failed(flight);
    this.settle();
  }

  /** After a failure: when nothing is open any more, goes back to what is acknowledged and begins from there. */
  private settle(): void {
    const again = this.flights.collapse();
    if (again !== undefined) {
      for (const priority of again) this.due.set(priority);
      this.source.rewind();
      this.rewinds += 1;
      this.retryLater();
    }
    this.pump.ask();
  }

  private storedEvents(): number {
    return Object.values(this.options.spool.stats()).reduce((sum, { events }) => sum + events, 0);
  }

  /** Tells those who wait for everything to be sent, when nothing more can be done now. */
  private tellIdle(): void {
    const { connected, connecting } = this.options.link;
    if (connected && (this.flights.count > 0 || this.retryTimer !== undefined)) return;
    if (connecting && this.storedEvents() > 0) return;
    for (const resolve of this.idle.splice(0)) resolve();
  }
}
