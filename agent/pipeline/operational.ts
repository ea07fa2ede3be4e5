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
  readonly settings: Pick<Settings, 'current' | 'desiredVersion' | 'onChange' | 'problems'>;
  readonly collected: () => Readonly<Record<'high' | 'low', number>>;
  readonly onMemoryChange: () => void;
  /** Messages since the last call. */
  readonly takeSendStatistics: () => MessageStatistics;
}

/** The events in which the agent tells about itself: statistics at the pace of the snapshots, configuration errors. */
export class OperationalEvents {
  private timer: Timer | undefined;
  private intervalMs = 0;
  private startedMs = 0;
  private lastCollected = { high: 0, low: 0 };
  private lastLosses: Record<string, LossCounts> = {};
  private saidForVersion = '';
  private unfollow: (() => void) | undefined;

  constructor(private readonly options: OperationalOptions) {}

  /** Tells what of the settings in force cannot be used, and follows them. */
  start(): void {
    this.unfollow ??= this.options.settings.onChange(() => this.follow());
    this.follow();
  }

  private follow(): void {
    const { current, desiredVersion, problems } = this.options.settings;
    this.setInterval(current.snapshotFrequency.ms);
    this.tellConfigurationErrors(desiredVersion, problems);
  }

  /** Statistics come one interval after the start or the last ones. */
  private setInterval(intervalMs: number): void {
    if (intervalMs === this.intervalMs) return;
    const { clock } = this.options;
    if (this.timer === undefined) this.startedMs = clock.monotonicMs();
    this.intervalMs = intervalMs;
    this.schedule(Math.max(0, this.startedMs + intervalMs - clock.monotonicMs()));
  }

  /** What must survive a restart, so that nothing is told twice. */
  memory(): JsonObject {
    return {
      toldLosses: asJson(this.lastLosses),
      toldConfigurationErrors: this.saidForVersion,
    };
  }

  restore(memory: JsonObject): void {
    const { toldLosses, toldConfigurationErrors } = memory;
    this.lastLosses = storedCounts(toldLosses);
    if (typeof toldConfigurationErrors === 'string') this.saidForVersion = toldConfigurationErrors;
  }

  stop(): void {
    this.unfollow?.();
    this.unfollow = undefined;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** One event for each problem of a desired document, and none for the same document again. */
  private tellConfigurationErrors(version: number, problems: Settings['problems']): void {
    const key = createHash('sha256')
      .update(JSON.stringify([version, problems]))
      .digest('hex');
    if (key === this.saidForVersion) return;
    this.saidForVersion = key;
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
    const { clock, collected, losses, pipeline, takeSendStatistics } = this.options;
    const now = clock.wallMs();
    const totals = losses.snapshot();
    const since = (component: string): LossCounts =>
      difference(totals[component] ?? {}, this.lastLosses[component] ?? {});
    const components = Object.keys(totals).filter((name) => name !== 'high' && name !== 'low');
    const current = { ...collected() };
    const queue = (name: 'high' | 'low', details: Record<string, string>) => {
      const own = since(name);
      const dropped = droppedCauses.reduce((sum, cause) => sum + (own[cause] ?? 0), 0);
      const payload: Payload<'DroppedEventsStatistics'> = {
        Queue: name === 'high' ? 'High' : 'Low',
        CollectedEvents: current[name] - this.lastCollected[name],
        DroppedEvents: dropped,
        ExtraDetails: { ...asTexts('', own), ...details },
      };
      return payload;
    };
    const others = Object.assign(
      {},
      ...components.map((name) => asTexts(`${name}.`, since(name))),
    ) as Record<string, string>;
    pipeline.tellStatistics(
      'DroppedEventsStatistics',
      [queue('high', {}), queue('low', others)],
      now,
    );
    this.lastLosses = totals;
    this.lastCollected = current;
    const { messagesSent, messagesUnder4KB, totalFailed } = takeSendStatistics();
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
  }
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
