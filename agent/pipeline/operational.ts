import { createHash } from 'node:crypto';
import type { Clock, Timer } from '../../base/clock.js';
import type { JsonObject } from '../../base/json.js';
import type { LossCause } from '../../base/loss.js';
import type { Settings } from '../../config/settings.js';
import type { Payload } from '../../contract/events.js';
import { storedCounts } from '../accounting/counters-file.js';
import { droppedCauses, type LossCounts, type LossLedger } from '../accounting/losses.js';
import type { MessageStatistics } from '../accounting/message-statistics.js';
import type { Pipeline } from './pipeline.js';

interface OperationalOptions {
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly losses: LossLedger;
  readonly settings: Pick<
    Settings,
    'current' | 'desiredVersion' | 'findings' | 'onChange' | 'onFindings' | 'rejections'
  >;
  readonly collected: () => Readonly<Record<'high' | 'low', number>>;
  readonly onMemoryChange: () => void;
  /** Messages since the start. */
  readonly sent: () => MessageStatistics;
}

/**
 * The events in which the agent tells about itself: statistics at the pace of the snapshots, configuration errors.
 *
 * 1. Every loss and every message is in exactly one statistics event, also over an orderly restart.
 * 2. Statistics come one interval after the start or the last ones; the time before a restart counts.
 * 3. The problems of one desired document are told once, also over a restart.
 */
export class OperationalEvents {
  private timer: Timer | undefined;
  private intervalMs = 0;
  private startedMs = 0;
  private lastCollected = { high: 0, low: 0 };
  private lastSent: MessageStatistics = { messagesSent: 0, messagesUnder4KB: 0, totalFailed: 0 };
  /** How long before the start the last statistics were told. */
  private carriedMs = 0;
  private lastLosses: Record<string, LossCounts> = {};
  private readonly said = { rejections: '', findings: '' };
  private unfollow: (() => void)[] = [];

  constructor(private readonly options: OperationalOptions) {}

  /** Tells what of the settings in force cannot be used, and follows them. */
  start(): void {
    const { settings } = this.options;
    if (this.unfollow.length === 0)
      this.unfollow = [
        settings.onChange(() => this.follow()),
        settings.onFindings(() => this.tellConfigurationErrors('findings')),
      ];
    this.follow();
    this.tellConfigurationErrors('findings');
  }

  private follow(): void {
    this.setInterval(this.options.settings.current.snapshotFrequency.ms);
    this.tellConfigurationErrors('rejections');
  }

  private setInterval(intervalMs: number): void {
    if (intervalMs === this.intervalMs) return;
    const { clock } = this.options;
    if (this.timer === undefined) this.startedMs = clock.monotonicMs() - this.carriedMs;
    this.intervalMs = intervalMs;
    this.schedule(Math.max(0, this.startedMs + intervalMs - clock.monotonicMs()));
  }

  /** What must survive a restart, so that nothing is told twice, and what was counted is told. */
  memory(): JsonObject {
    const { collected, clock, sent } = this.options;
    return {
      toldLosses: asJson(this.lastLosses),
      toldConfigurationErrors: this.said.rejections,
      toldFindings: this.said.findings,
      untoldStatistics: {
        collected: { ...since(collected(), this.lastCollected) },
        sent: { ...since(sent(), this.lastSent) },
        elapsed: {
          ms: this.timer === undefined ? 0 : Math.round(clock.monotonicMs() - this.startedMs),
        },
      },
    };
  }

  restore(memory: JsonObject): void {
    const { toldLosses, toldConfigurationErrors, toldFindings, untoldStatistics } = memory;
    this.lastLosses = storedCounts(toldLosses);
    if (typeof toldConfigurationErrors === 'string') this.said.rejections = toldConfigurationErrors;
    if (typeof toldFindings === 'string') this.said.findings = toldFindings;
    const { collected = {}, elapsed = {}, sent = {} } = storedCounts(untoldStatistics);
    // As if it had been counted before this run began to count.
    this.lastCollected = { high: -(collected['high'] ?? 0), low: -(collected['low'] ?? 0) };
    this.lastSent = {
      messagesSent: -(sent['messagesSent'] ?? 0),
      messagesUnder4KB: -(sent['messagesUnder4KB'] ?? 0),
      totalFailed: -(sent['totalFailed'] ?? 0),
    };
    this.carriedMs = elapsed['ms'] ?? 0;
  }

  stop(): void {
    for (const end of this.unfollow) end();
    this.unfollow = [];
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** One payload for each problem of a desired document, and none for the same document again. */
  private tellConfigurationErrors(kind: 'rejections' | 'findings'): void {
    const { desiredVersion: version, [kind]: problems } = this.options.settings;
    // The defaults of a start, before the document is known, have none, and make nothing forgotten.
    if (problems.length === 0) return;
    const found = problems.map(({ key: name, errorType }) => [name, errorType]);
    const key = createHash('sha256')
      .update(JSON.stringify([version, found]))
      .digest('hex');
    if (key === this.said[kind]) return;
    this.said[kind] = key;
    this.options.onMemoryChange();
    for (const { key: name, errorType, reason, used } of problems) {
      this.options.pipeline.tell(
        'ConfigurationError',
        {
          ConfigurationName: name,
          ErrorType: errorType,
          UsedConfiguration: used,
          Message: reason,
          ExtraDetails: { DesiredVersion: String(version) },
        },
        this.options.clock.wallMs(),
      );
    }
  }

  private schedule(delayMs: number): void {
    this.timer?.cancel();
    this.timer = this.options.clock.after(delayMs, () => {
      this.startedMs = this.options.clock.monotonicMs();
      this.tellStatistics();
      this.schedule(this.intervalMs);
    });
  }

  private tellStatistics(): void {
    const { clock, collected, losses, pipeline, sent } = this.options;
    const now = clock.wallMs();
    const totals = losses.snapshot();
    const lost = (component: string): LossCounts =>
      difference(totals[component] ?? {}, this.lastLosses[component] ?? {});
    const components = Object.keys(totals).filter((name) => name !== 'high' && name !== 'low');
    const { high, low } = collected();
    const offered = since({ high, low }, this.lastCollected);
    const queue = (name: 'high' | 'low', details: Record<string, string>) => {
      const own = lost(name);
      const dropped = droppedCauses.reduce((sum, cause) => sum + (own[cause] ?? 0), 0);
      const payload: Payload<'DroppedEventsStatistics'> = {
        Queue: name === 'high' ? 'High' : 'Low',
        CollectedEvents: offered[name],
        DroppedEvents: dropped,
        ExtraDetails: { ...asTexts('', own), ...details },
      };
      return payload;
    };
    const others = Object.assign(
      {},
      ...components.map((name) => asTexts(`${name}.`, lost(name))),
    ) as Record<string, string>;
    pipeline.tellStatistics(
      'DroppedEventsStatistics',
      [queue('high', {}), queue('low', others)],
      now,
    );
    this.lastLosses = totals;
    this.lastCollected = { high, low };
    const total = sent();
    const { messagesSent, messagesUnder4KB, totalFailed } = since(total, this.lastSent);
    this.lastSent = total;
    pipeline.tellStatistics(
      'MessageStatistics',
      [
        {
          MessagesSent: messagesSent,
          MessagesUnder4KB: messagesUnder4KB,
          TotalFailed: totalFailed,
        },
      ],
      now,
    );
    this.options.onMemoryChange();
  }
}

/** What was counted beyond an earlier state of the same counts. */
function since<T extends { readonly [K in keyof T]: number }>(now: T, before: T): T {
  const differences = Object.entries<number>(now).map(
    ([key, count]) => [key, count - before[key as keyof T]] as const,
  );
  return Object.fromEntries(differences) as T;
}

function asJson(losses: Readonly<Record<string, LossCounts>>): JsonObject {
  return Object.fromEntries(Object.entries(losses).map(([name, counts]) => [name, { ...counts }]));
}

function difference(now: LossCounts, before: LossCounts): LossCounts {
  return Object.fromEntries(
    Object.entries(now)
      .map(([cause, count]) => [cause, count - (before[cause as LossCause] ?? 0)] as const)
      .filter(([, count]) => count > 0),
  );
}

function asTexts(prefix: string, counts: LossCounts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(counts).map(([cause, count]) => [`${prefix}${cause}`, String(count)]),
  );
}
