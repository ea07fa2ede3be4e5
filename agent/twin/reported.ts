import { Backoff } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { isJsonObject, type JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { utcText } from '../../base/timestamps.js';
import type { Moments } from '../fleet/fleet-moments.js';
import { asHubError, isRefusal } from '../hub/failure.js';
import { microAgentStateNames } from './micro-agent-state.js';
import { differencePatch, mergePatch } from './merge-patch.js';
import { fitStatus, twinSizeBytes, withinTwinLimits } from './reported-limits.js';

/** Beside the configuration object, so that comparing desired with reported configuration goes on working. */
const statusObjectName = 'agentStatus';
const postureObjectName = 'securityPosture';

const counterIntervalMs = 5 * 60_000;
/** A sign of life goes with every update, and by itself once an hour at most. */
const lastSeenIntervalMs = 3_600_000;
const retry = { shortestMs: 2_000, longestMs: 15 * 60_000 };

interface ReportedOptions {
  readonly send: (patch: JsonObject) => Promise<void>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly moments: Pick<Moments, 'nextMs' | 'reportMs'>;
  readonly objectName: string;
  /** The effective settings in the contract's shape; a `null` member is one that has no value. */
  readonly configuration: () => JsonObject;
  readonly status: () => JsonObject;
  /** How secure the device is, in a small object; undefined where that is not told. */
  readonly posture: () => JsonObject | undefined;
  /** Some of `microAgentStateNames`; they are within the limits of a twin. */
  readonly microAgentState: () => JsonObject;
}

/**
 * The reported properties at the hub, kept as they are wanted here.
 *
 * 1. Only the members named here are ever touched; what others report in the same twin stays as it is.
 * 2. Only changes are sent, one update at a time, and what the hub has not acknowledged counts as not known there.
 * 3. An update that failed is made anew from what is wanted then, until one is acknowledged.
 * 4. Where the fleet is spread, every update waits for a moment of this device.
 * 5. `agentStatus.lastSeen` is the time of the last update. Where nothing else changed for long, one is made for it, once in
 *    an hour at most, at a moment of this device.
 * 6. After each full read the hub's own account of what it has replaces ours.
 */
export class ReportedProperties {
  private known: JsonObject | undefined;
  private sending = false;
  private wantedAgain = false;
  private lastSentMs = -Infinity;
  private timer: Timer | undefined;
  /** What waits for its moment, or for a retry, is not hurried by what becomes urgent meanwhile. */
  private timerIsFixed = false;
  private saidRefused = false;
  private signOfLife: Timer | undefined;
  private readonly backoff: Backoff;

  constructor(private readonly options: ReportedOptions) {
    this.backoff = new Backoff(retry, options.random);
  }

  /** The twin was read: from now on updates are possible. */
  hubHas(reported: JsonObject): void {
    const ours = [
      this.options.objectName,
      statusObjectName,
      postureObjectName,
      ...microAgentStateNames,
    ];
    this.known = Object.fromEntries(
      Object.entries(reported).filter(([name]) => ours.includes(name)),
    );
    this.backoff.reset();
    this.cancelTimer();
    this.updateAtMoment();
    this.signOfLifeLater();
  }

  /** The connection is gone: nothing is sent until the twin has been read again. */
  disconnected(): void {
    this.known = undefined;
    this.cancelTimer();
    this.signOfLife?.cancel();
  }

  /** @param urgent false for counters, which are sent every 5 minutes at most. */
  changed(urgent: boolean): void {
    const { clock } = this.options;
    const waitMs = this.lastSentMs + counterIntervalMs - clock.monotonicMs();
    if (this.timer !== undefined && (this.timerIsFixed || !urgent)) return;
    if (urgent || waitMs <= 0) this.updateAtMoment();
    else this.later(this.options.moments.reportMs(waitMs), false);
  }

  private updateAtMoment(): void {
    if (this.known === undefined) return;
    const waitMs = this.options.moments.reportMs(0);
    if (waitMs > 0) this.later(waitMs, true);
    else this.update();
  }

  private update(): void {
    const { known } = this;
    if (known === undefined) return;
    if (this.sending) {
      this.wantedAgain = true;
      return;
    }
    const patch = this.patchFor(known);
    if (patch === undefined) return;
    this.cancelTimer();
    this.wantedAgain = false;
    this.lastSentMs = this.options.clock.monotonicMs();
    void this.sendPatch(known, patch);
  }

  /** Undefined when there is nothing to tell. */
  private patchFor(known: JsonObject): JsonObject | undefined {
    const wanted = this.wanted();
    const before = lastSeenOf(known);
    const nowMs = this.options.clock.wallMs();
    const status = { ...(wanted[statusObjectName] as JsonObject) };
    const isDue =
      before === undefined || Math.abs(nowMs - Date.parse(before)) >= lastSeenIntervalMs / 2;
    const same = { ...wanted, [statusObjectName]: { ...status, lastSeen: before ?? null } };
    const hasChanged = Object.keys(differencePatch(known, same)).length > 0;
    if (!hasChanged && !isDue) return undefined;
    const lastSeen = utcText(nowMs);
    return differencePatch(known, { ...wanted, [statusObjectName]: { ...status, lastSeen } });
  }

  /** The moments at which this device connects are its own over every period. */
  private signOfLifeLater(): void {
    const { clock, moments } = this.options;
    this.signOfLife?.cancel();
    const untilMs = moments.nextMs('connection', lastSeenIntervalMs);
    this.signOfLife = clock.after(moments.reportMs(Math.max(untilMs, 1)), () => {
      this.changed(true);
      this.signOfLifeLater();
    });
  }

  private async sendPatch(known: JsonObject, patch: JsonObject): Promise<void> {
    this.sending = true;
    let failure: unknown;
    try {
      await this.options.send(patch);
    } catch (error) {
      failure = error;
    }
    this.sending = false;
    // A read or a disconnect in the meantime knows better than this answer.
    if (this.known === known) {
      if (failure === undefined) {
        this.backoff.reset();
        if (this.saidRefused) this.options.log.info('The hub takes the reported properties again.');
        this.saidRefused = false;
        this.known = mergePatch(known, patch);
      } else {
        this.retryLater(failure);
        return;
      }
    }
    if (this.known !== undefined && (this.wantedAgain || this.known !== known)) {
      this.updateAtMoment();
    }
  }

  private retryLater(failure: unknown): void {
    const retryMs = this.options.moments.reportMs(this.backoff.nextMs());
    const { kind, message } = asHubError(failure);
    // A lost connection is told by whoever keeps it up.
    const news = isRefusal({ kind }) && !this.saidRefused;
    const fields = { retryInSeconds: Math.round(retryMs / 1000) };
    this.options.log[news ? 'warn' : 'debug'](message, fields);
    this.saidRefused ||= news;
    this.later(retryMs, true);
  }

  private later(delayMs: number, isFixed: boolean): void {
    this.cancelTimer();
    this.timerIsFixed = isFixed;
    this.timer = this.options.clock.after(delayMs, () => {
      this.timer = undefined;
      this.update();
    });
  }

  private cancelTimer(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private wanted(): JsonObject {
    const { objectName, configuration, microAgentState, posture, status } = this.options;
    const secure = posture();
    const others = {
      ...microAgentState(),
      [objectName]: withinTwinLimits(configuration()),
      ...(secure !== undefined && { [postureObjectName]: withinTwinLimits(secure) }),
    };
    const report = withinTwinLimits(status());
    return { ...others, [statusObjectName]: fitStatus(report, twinSizeBytes(others)) };
  }
}

/** What the hub has of it, where that is a time. */
function lastSeenOf(known: JsonObject): string | undefined {
  const status = known[statusObjectName];
  const lastSeen = isJsonObject(status) ? status['lastSeen'] : undefined;
  return typeof lastSeen === 'string' && !Number.isNaN(Date.parse(lastSeen)) ? lastSeen : undefined;
}
