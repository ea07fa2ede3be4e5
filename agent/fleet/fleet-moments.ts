import type { Clock } from '../../base/clock.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { DevicePhase, Purpose } from './device-phase.js';

/**
 * Each renewal of a token costs a connect and a metered read of the twin, so once a day is enough; the SDK by itself
 * does it every 45 minutes.
 */
export const renewalPeriodMs = 24 * 60 * 60_000;
/** A renewal so soon after a connect would be for nothing. */
const shortestRenewalMs = 60 * 60_000;

/** A hub that is away is asked no more often than this, however short `reconnectSpread` is. */
const shortestProbeMs = 10_000;
/** On every tier the hub takes half as many updates of twins as reads. */
const readsPerReport = 2;
/** An update that is made because of a read still counts as made at the moment of the read for so long. */
const answerMs = 60_000;

/** When a device may do what the hub counts; each answer is a wait in milliseconds from now. */
export interface Moments {
  /** Until the next moment of an interval; less than the interval. */
  nextMs(purpose: Purpose, periodMs: number): number;
  /** Until the device may connect, `atLeastMs` from now or later. */
  connectMs(atLeastMs: number): number;
  /** The same after a failed or lost connection, for which a back-off of so long is due. */
  reconnectMs(backoffMs: number): number;
  /** Until the twin may be read on a connection that has just been made. */
  firstReadMs(): number;
  /** Until the twin may be read, `atLeastMs` from now or later. */
  readMs(atLeastMs: number): number;
  /** Until the reported properties may be updated, `atLeastMs` from now or later. */
  reportMs(atLeastMs: number): number;
  /** From a connect to the renewal of the token; from then on it is renewed once a day. */
  renewalMs(): number;
}

type SpreadSettings = CurrentSettings<'reconnectSpread' | 'twinSpread'>;

/**
 * The moments under the settings of the fleet. Without a spread nothing waits. With one, a device connects at most once
 * in `reconnectSpread`, reads its twin at most once in `twinSpread` and reports at most once in twice that, each at its
 * own moment: whatever happens to the fleet, the hub sees no more than devices / spread in a second, and what is refused
 * comes back one spread later at the same even pace.
 */
export class FleetMoments implements Moments {
  private connectAtWallMs = 0;
  /**
   * The moments of the last two reads that were asked for and have let no update through: while one is on its way, the
   * next may be asked for already.
   */
  private readsAtWallMs: readonly number[] = [];

  constructor(
    private readonly phase: DevicePhase,
    private readonly clock: Clock,
    private readonly settings: SpreadSettings,
  ) {}

  nextMs(purpose: Purpose, periodMs: number): number {
    return this.phase.untilMs(purpose, periodMs, this.clock.wallMs());
  }

  connectMs(atLeastMs: number): number {
    const waitMs = this.waitMs('connection', this.settings.current.reconnectSpread.ms, atLeastMs);
    this.connectAtWallMs = Math.floor(this.clock.wallMs()) + waitMs;
    return waitMs;
  }

  /**
   * With a spread the back-off ends well before the moment of the next one: the load of the whole fleet is within the
   * limit, so that longer pauses would gain nothing.
   */
  reconnectMs(backoffMs: number): number {
    const spreadMs = this.settings.current.reconnectSpread.ms;
    if (spreadMs === 0) return this.connectMs(backoffMs);
    return this.connectMs(Math.min(backoffMs, Math.max(spreadMs / 2, shortestProbeMs)));
  }

  /**
   * Counted from the moment for which the connection was meant, not from when it stood: where `reconnectSpread` divides
   * `twinSpread`, a connection made at a moment of both is then read at once, not one `twinSpread` later.
   */
  firstReadMs(): number {
    const spreadMs = this.settings.current.twinSpread.ms;
    const sinceMs = this.clock.wallMs() - this.connectAtWallMs;
    if (sinceMs < 0 || sinceMs > spreadMs) return this.readMs(0);
    const untilMs = this.phase.untilMs('connection', spreadMs, this.connectAtWallMs);
    this.readIsAt(this.connectAtWallMs + untilMs);
    return Math.max(0, untilMs - sinceMs);
  }

  readMs(atLeastMs: number): number {
    const waitMs = this.waitMs('connection', this.settings.current.twinSpread.ms, atLeastMs);
    this.readIsAt(Math.floor(this.clock.wallMs()) + waitMs);
    return waitMs;
  }

  reportMs(atLeastMs: number): number {
    const spreadMs = this.settings.current.twinSpread.ms * readsPerReport;
    if (atLeastMs === 0 && spreadMs > 0) {
      const answered = this.readsAtWallMs.find((atMs) => this.isAnswer(atMs, spreadMs));
      this.readsAtWallMs = this.readsAtWallMs.filter((atMs) => atMs !== answered);
      if (answered !== undefined) return 0;
    }
    return this.waitMs('connection', spreadMs, atLeastMs);
  }

  renewalMs(): number {
    const untilMs = this.nextMs('token', renewalPeriodMs);
    return untilMs < shortestRenewalMs ? untilMs + renewalPeriodMs : untilMs;
  }

  private readIsAt(wallMs: number): void {
    const last = this.readsAtWallMs.at(-1);
    if (last !== wallMs) this.readsAtWallMs = last === undefined ? [wallMs] : [last, wallMs];
  }

  /** Whether a read was made at a moment of `spreadMs`, and only now. */
  private isAnswer(readAtWallMs: number, spreadMs: number): boolean {
    const sinceMs = this.clock.wallMs() - readAtWallMs;
    if (sinceMs < 0 || sinceMs > answerMs) return false;
    return this.phase.untilMs('connection', spreadMs, readAtWallMs) === 0;
  }

  private waitMs(purpose: Purpose, spreadMs: number, atLeastMs: number): number {
    const fromMs = Math.ceil(atLeastMs);
    if (spreadMs === 0) return fromMs;
    return fromMs + this.phase.untilMs(purpose, spreadMs, this.clock.wallMs() + fromMs);
  }
}
