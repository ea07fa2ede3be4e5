import { DevicePhase } from '../../agent/fleet/device-phase.js';
import { FleetMoments } from '../../agent/fleet/fleet-moments.js';
import { HubError } from '../../agent/hub/failure.js';
import { Outage } from '../../agent/hub/outage.js';
import { TwinReader } from '../../agent/hub/twin-reader.js';
import type { QueueStats } from '../../agent/spool/spool.js';
import { ReportedProperties } from '../../agent/twin/reported.js';
import { DuePriorities } from '../../agent/uplink/due-priorities.js';
import type { Timer } from '../../base/clock.js';
import type { JsonObject } from '../../base/json.js';
import { silentLog } from '../../base/log.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { FleetHub } from './fleet-hub.js';
import type { SimulatedClock } from './simulated-clock.js';
import { sentPriorities, type SentPriority } from '../../contract/priority.js';

/** What all devices of a simulation share. */
export interface World {
  readonly clock: SimulatedClock;
  readonly hub: FleetHub;
  readonly random: () => number;
  readonly highPerDay: number;
  readonly updatesPerLow: number;
  readonly settings: CurrentSettings;
  readonly configuration: () => JsonObject;
  /** What the hub holds of every device at the beginning. */
  readonly reported: JsonObject;
  readonly onStep: (device: SimulatedDevice, step: Step) => void;
}

export type Step = 'connected' | 'sent' | 'read' | 'reported';

const dayMs = 86_400_000;
const never = (): boolean => false;
const none = (): number => 0;
const ignore = (): void => undefined;
const empty: QueueStats = { events: 0, bytes: 0, diskBytes: 0, headSequence: 0 };
const gone = new HubError('dropped', 'The connection was lost.');
const away = new HubError('network', 'The hub is away.');
const busy = new HubError('unavailable', 'The hub is busy.');
const throttled = new HubError('throttled', 'The hub asks for fewer requests.');

/**
 * One agent as the hub sees it: the timing is done by the agent's own parts; only what they are glued together with
 * (HubLink, Uplink), the spool and the network are replaced by something that costs a few bytes.
 */
export class SimulatedDevice {
  connected = false;
  private readonly moments: FleetMoments;
  private readonly outage: Outage;
  private readonly due: DuePriorities;
  private readonly reported: ReportedProperties;
  private reader: TwinReader | undefined;
  private connectedMs = 0;
  private renewal: Timer | undefined;
  private highSinceMs = 0;
  private highWaits = false;
  private waitedMs: number | undefined;
  private statusNumber = 0;
  private hubReported: JsonObject = {};

  constructor(
    private readonly world: World,
    readonly number: number,
  ) {
    const { clock, random } = world;
    this.moments = new FleetMoments(
      DevicePhase.of(`fleet.azure-devices.net/device-${number}/azureiotsecurity`),
      clock,
      world.settings,
    );
    this.outage = new Outage(clock, random, silentLog, this.moments);
    this.due = new DuePriorities({
      spool: this,
      clock,
      moments: this.moments,
      settings: world.settings,
      lowHeld: never,
      inFlightBytes: none,
      onDue: () => this.pump(),
    });
    this.reported = new ReportedProperties({
      send: (patch) => this.report(patch),
      clock,
      random,
      log: silentLog,
      moments: this.moments,
      objectName: 'settings',
      configuration: world.configuration,
      status: () => ({ number: this.statusNumber }),
      microAgentState: () => ({}),
      posture: () => undefined,
    });
  }

  /** In the middle of an ordinary day: connected, everything known. */
  settle(): void {
    this.hubReported = this.world.reported;
    this.connected = true;
    this.connectedMs = -dayMs;
    this.reported.hubHas(this.hubReported);
    this.due.start();
    this.renewLater();
  }

  /** Power comes back after `offMs`: what was stored is old, and there is something new to tell. */
  powerOn(offMs: number): void {
    this.hubReported = this.world.reported;
    this.statusNumber = 1;
    this.highWaits = true;
    this.waitedMs = offMs;
    this.due.start();
    this.waitedMs = undefined;
    this.attemptIn(this.moments.connectMs(0));
  }

  /** The connection breaks. */
  drop(): void {
    if (!this.connected) return;
    this.lose(gone);
  }

  /** The hub tells of a change of the desired properties. */
  settingsChanged(): void {
    this.due.settingsChanged();
    if (this.connected) this.reported.changed(true);
  }

  private attemptIn(waitMs: number): void {
    this.world.clock.after(waitMs, () => this.attempt());
  }

  private attempt(): void {
    const { clock, hub, random } = this.world;
    const answer = hub.ask('connects');
    // Name, TCP, TLS and MQTT take a moment, more with some providers than with others.
    const wayMs = 200 + 600 * random();
    const waitMs = wayMs + (typeof answer === 'number' ? answer : 0);
    clock.after(waitMs, () => {
      if (typeof answer === 'number' && hub.up) this.established();
      else this.attemptIn(this.outage.pauseAfter(answer === 'refused' ? busy : away, undefined));
    });
  }

  private established(): void {
    this.connected = true;
    this.connectedMs = this.world.clock.monotonicMs();
    this.outage.over();
    this.world.onStep(this, 'connected');
    this.requestRead(this.moments.firstReadMs());
    this.renewLater();
    if (this.due.is('Low')) this.due.set('High');
    this.pump();
  }

  /** A reader is only kept while it has something to do; a million of them would need a gigabyte. */
  private requestRead(waitMs: number): void {
    const { clock, random } = this.world;
    this.reader ??= new TwinReader({
      clock,
      random,
      log: silentLog,
      read: () => this.read(),
      readMs: (atLeastMs) => this.moments.readMs(atLeastMs),
      onTwin: ({ reported }) => {
        this.reader = undefined;
        this.world.onStep(this, 'read');
        this.reported.hubHas(reported);
      },
      onPatch: ignore,
      onDoubt: (failure) => this.lose(failure),
    });
    this.reader.request(waitMs);
  }

  private lose(failure: HubError): void {
    this.connected = false;
    this.renewal?.cancel();
    this.reader?.stop();
    this.reader = undefined;
    this.reported.disconnected();
    const lifeMs = this.world.clock.monotonicMs() - this.connectedMs;
    this.attemptIn(this.outage.pauseAfter(failure, lifeMs));
  }

  /** The token is renewed by a short reconnect, after which the twin is read. */
  private renewLater(): void {
    this.renewal = this.world.clock.after(this.moments.renewalMs(), () => {
      if (typeof this.world.hub.ask('connects') !== 'number') {
        this.lose(gone);
        return;
      }
      this.requestRead(this.moments.readMs(0));
      this.renewLater();
    });
  }

  private async read(): Promise<{ desired: JsonObject; reported: JsonObject }> {
    await this.answerTo('reads');
    return { desired: {}, reported: this.hubReported };
  }

  private async report(patch: JsonObject): Promise<void> {
    await this.answerTo('updates');
    this.hubReported = { ...this.hubReported, ...patch };
    this.world.onStep(this, 'reported');
  }

  private async answerTo(what: 'reads' | 'updates'): Promise<void> {
    const answer = this.world.hub.ask(what);
    const waitMs = 50 + (typeof answer === 'number' ? answer : 0);
    await new Promise<void>((resolve) => this.world.clock.afterPromise(waitMs, resolve));
    if (answer === 'away') throw gone;
    if (answer === 'refused') throw throttled;
  }

  private pump(): void {
    for (const priority of sentPriorities) {
      if (!this.connected || !this.due.is(priority)) continue;
      if (priority === 'Low' || this.hasHigh()) this.send(priority);
      else this.due.sent(priority);
    }
  }

  private send(priority: SentPriority): void {
    if (this.world.hub.ask('sends') === 'refused') {
      this.lose(gone);
      return;
    }
    // What is due of both goes in one message, as the uplink does it.
    const both = priority === 'High' && this.due.is('Low');
    if (priority === 'High') this.highSent();
    this.due.sent(priority);
    if (both) this.due.sent('Low');
    this.world.onStep(this, 'sent');
    if ((priority === 'Low' || both) && this.world.random() < this.world.updatesPerLow) {
      this.statusNumber += 1;
      this.reported.changed(false);
    }
  }

  /** Whether an event of high priority has happened since the last message. */
  private hasHigh(): boolean {
    const { clock, highPerDay, random } = this.world;
    const passedMs = clock.monotonicMs() - this.highSinceMs;
    this.highSinceMs = clock.monotonicMs();
    this.highWaits ||= random() < 1 - Math.exp((-highPerDay * passedMs) / dayMs);
    return this.highWaits;
  }

  private highSent(): void {
    this.highWaits = false;
    this.highSinceMs = this.world.clock.monotonicMs();
  }

  /** As the spool tells it: there may be something old of low priority after a start. */
  stats(): Record<'high' | 'low' | 'operational', QueueStats> {
    const low =
      this.waitedMs === undefined
        ? empty
        : { ...empty, oldestWallMs: this.world.clock.wallMs() - this.waitedMs };
    return { high: empty, low, operational: empty };
  }

  onAppended(): void {
    // The size of what waits is not simulated.
  }
}
