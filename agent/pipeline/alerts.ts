/**
 * Tells alerts, and keeps a rule that is true of very much from flooding the hub.
 *
 * 1. Of equal alerts of one rule within ten minutes the first five are told singly; those after them are one more at the
 *    end, which says how many they were. Together they tell each hit once.
 * 2. A rule is told singly fifty times within ten minutes at most; what comes beyond stays the event that it is, and is
 *    counted (`alertsOverRate`).
 * 3. A payload of a snapshot is an alert when it is first there, and again only when it had gone.
 * 4. Memory: 256 kinds of equal alerts, each with one payload; the oldest is ended early when there are more.
 * 5. A crash forgets how many equal ones there were beyond the fifth.
 */
import { createHash } from 'node:crypto';
import { BoundedMap } from '../../base/bounded-map.js';
import type { Clock, Timer } from '../../base/clock.js';
import { utcText } from '../../base/timestamps.js';
import type { foldedAlertDetails } from '../../contract/common-details.js';
import type { EventDeclaration } from '../../contract/declaration.js';
import { eventDeclarations, type Payload, type TriggeredName } from '../../contract/events.js';
import type { LossLedger } from '../accounting/losses.js';
import type { Alert } from '../detection/alert.js';
import { detailsOfAll } from './aggregation/details.js';
import { identityOf, isAggregated } from './aggregation/identity.js';
import { withDetails } from './event-parts.js';
import type { Outbox } from './outbox.js';

interface AlertsOptions {
  readonly clock: Clock;
  readonly outbox: Pick<Outbox, 'add'>;
  readonly losses: Pick<LossLedger, 'count'>;
}

/** Equal alerts since the first of them. */
interface Window {
  readonly sinceMs: number;
  readonly alert: Alert;
  readonly name: TriggeredName;
  hits: number;
  /** Those that were not told singly. */
  folded: { payload: Payload; count: number; readonly firstMs: number; lastMs: number } | undefined;
}

interface Rate {
  readonly sinceMs: number;
  told: number;
}

const windowMs = 10 * 60_000;
const mostSingly = 5;
const mostOfRule = 50;
const mostWindows = 256;
const mostRules = 1024;
/** What differs from event to event of one kind, of those that are not counted. */
const passing: readonly string[] = ['ProcessId', 'RemotePort', 'LocalPort', 'ExtraDetails'];

export class Alerts {
  private readonly windows: BoundedMap<string, Window>;
  private readonly rates = new BoundedMap<string, Rate>(mostRules);
  /** Of the last snapshot of each name. */
  private readonly present = new Map<string, ReadonlySet<string>>();
  private timer: Timer | undefined;

  constructor(private readonly options: AlertsOptions) {
    this.windows = new BoundedMap(mostWindows, (window) => this.tellFolded(window));
  }

  /** @returns whether the event is told with this; otherwise it stays an ordinary one */
  take(alert: Alert, name: TriggeredName, payload: Payload, timeMs: number): boolean {
    this.endOver();
    const key = keyOf(alert, name, payload);
    const known = this.windows.get(key);
    if (known !== undefined && known.hits >= mostSingly) {
      this.fold(known, payload, timeMs);
      return true;
    }
    if (!this.mayTell(alert.ruleId)) {
      this.options.losses.count(name, 'alertsOverRate', 1);
      return false;
    }
    if (known === undefined) {
      const sinceMs = this.options.clock.monotonicMs();
      this.windows.set(key, { sinceMs, alert, name, hits: 1, folded: undefined });
    } else known.hits++;
    this.options.outbox.add('high', name, withDetails(payload, alert.details), timeMs);
    return true;
  }

  /**
   * The payloads of a snapshot, those marked that are alerts and were not there before.
   * @param judged each with its alert, where it has one
   */
  mark(
    name: string,
    judged: readonly { readonly payload: Payload; readonly alert: Alert | undefined }[],
  ): { readonly payloads: readonly Payload[]; readonly isAlert: boolean } {
    const before = this.present.get(name);
    const now = new Set<string>();
    let isAlert = false;
    const payloads = judged.map(({ alert, payload }) => {
      if (alert === undefined) return payload;
      const key = digest([alert.ruleId, payload]);
      now.add(key);
      if (before?.has(key) === true) return payload;
      isAlert = true;
      return withDetails(payload, alert.details);
    });
    if (now.size > 0) this.present.set(name, now);
    else this.present.delete(name);
    return { payloads, isAlert };
  }

  /** Tells what was counted and is not told yet. */
  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    for (const [key, window] of [...this.windows]) {
      this.windows.delete(key);
      this.tellFolded(window);
    }
  }

  private mayTell(ruleId: string): boolean {
    const nowMs = this.options.clock.monotonicMs();
    let rate = this.rates.get(ruleId);
    if (rate === undefined || nowMs - rate.sinceMs >= windowMs) {
      rate = { sinceMs: nowMs, told: 0 };
      this.rates.set(ruleId, rate);
    }
    return ++rate.told <= mostOfRule;
  }

  private fold(window: Window, payload: Payload, timeMs: number): void {
    const { folded, name } = window;
    if (folded === undefined) {
      window.folded = { payload, count: 1, firstMs: timeMs, lastMs: timeMs };
      this.arm();
      return;
    }
    folded.payload = together(name, folded.payload, payload);
    folded.count++;
    folded.lastMs = Math.max(folded.lastMs, timeMs);
  }

  /** While something was counted that is to be told. */
  private arm(): void {
    if (this.timer !== undefined) return;
    const due = [...this.windows].map(([, window]) => window).filter(({ folded }) => folded);
    if (due.length === 0) return;
    const nextMs = Math.min(...due.map(({ sinceMs }) => sinceMs)) + windowMs;
    const { clock } = this.options;
    this.timer = clock.after(nextMs - clock.monotonicMs(), () => {
      this.timer = undefined;
      this.endOver();
      this.arm();
    });
  }

  /** A known key never becomes the youngest, so that the oldest windows stand first. */
  private endOver(): void {
    const overMs = this.options.clock.monotonicMs() - windowMs;
    this.windows.forgetWhile((window) => {
      if (window.sinceMs > overMs) return false;
      this.tellFolded(window);
      return true;
    });
  }

  private tellFolded({ alert, folded, name }: Window): void {
    if (folded === undefined) return;
    const { count, firstMs, lastMs, payload } = folded;
    const members: Record<keyof typeof foldedAlertDetails, string> = {
      HitCount: String(count),
      FirstSeenUtc: utcText(firstMs),
      LastSeenUtc: utcText(lastMs),
    };
    this.options.outbox.add(
      'high',
      name,
      withDetails(payload, { ...alert.details, ...members }),
      lastMs,
    );
  }
}

/** Alerts that agree in it are equal: one rule, and what an aggregate of the event would be of. */
function keyOf({ ruleId }: Alert, name: TriggeredName, payload: Payload): string {
  const { distinguishing = [] }: EventDeclaration = eventDeclarations[name];
  const identity = isAggregated(name)
    ? identityOf(name, payload as Payload<typeof name>)
    : Object.entries(payload).filter(([key]) => !passing.includes(key));
  return digest([
    ruleId,
    name,
    identity,
    ...distinguishing.map((key) => payload.ExtraDetails?.[key]),
  ]);
}

const digest = (parts: unknown): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64');

/** What is true of both; of an event that is not counted the later one. */
function together(name: TriggeredName, one: Payload, other: Payload): Payload {
  if (!isAggregated(name)) return other;
  const details = detailsOfAll(name, one.ExtraDetails ?? {}, other.ExtraDetails ?? {});
  return { ...identityOf(name, other as Payload<typeof name>), ExtraDetails: { ...details } };
}
