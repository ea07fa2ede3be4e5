import { reasonOf } from '../../base/errors.js';
import type { JsonObject } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { printable } from '../../base/text.js';
import type { EventName } from '../../contract/events.js';
import type { RuleOrigin } from '../../detection/language/document.js';
import type { Refusal } from '../../detection/language/read-rules.js';
import type { RuleSet } from '../../detection/rules/rule-set.js';
import type { CorrelationMemory } from '../rule-supply/correlation-memory.js';
import type { Alert } from './alert.js';
import type { Judge, Judged } from './judge.js';

/** The rules in force, wherever they are from: the part of `RuleSupply` that this needs. */
export interface Rules {
  readonly current: RuleSet;
  /** @returns what ends it */
  onChange(listener: (set: RuleSet) => void): () => void;
  summary(): {
    readonly problem: string | undefined;
    readonly sources: Readonly<Record<RuleOrigin, number>>;
    readonly disabled: number;
    readonly refused: readonly Refusal[];
  };
  /** For the reported properties. */
  reported(): JsonObject;
  close(): void;
}

const mostRefusals = 16;

const refusalText = ({ file, line, reason, source }: Refusal): string =>
  printable(`${source}/${file}${line === undefined ? '' : `, line ${line}`}: ${reason}`, 256);

interface DetectionOptions {
  /** Reads the rules; what is needed for it is loaded then. */
  readonly openRules: () => Promise<Rules>;
  readonly isEnabled: () => boolean;
  readonly log: Log;
  readonly lose: ReportLoss;
  /** Tells the operator and the hub. */
  readonly warn: (sentence: string) => void;
  readonly wallMs: () => number;
  /** What correlations have counted, over a restart. */
  readonly memory?: Pick<CorrelationMemory, 'load' | 'changed' | 'save'>;
  /** Which events rules ask for may have changed. */
  readonly onRules?: () => void;
}

/** How detection is. */
export interface DetectionState {
  readonly state: 'off' | 'loading' | 'running' | 'failed';
  readonly rules: number;
  readonly correlations: number;
  readonly refused: number;
  /** The first of those that are refused, each with its place and the reason. */
  readonly refusals: readonly string[];
  /** Rules, correlations and filters by where they are from. */
  readonly sources: Readonly<Record<RuleOrigin, number>>;
  /** Rules that raise no alerts by the settings. */
  readonly disabled: number;
  /** Why the rules are not what they should be; undefined where they are. */
  readonly problem: string | undefined;
  /** Titles of the rules that took too long. */
  readonly suspended: readonly string[];
  /** Alerts since the start of the agent. */
  readonly alerts: number;
  readonly lastAlert: { readonly title: string; readonly timeMs: number } | undefined;
}

/**
 * The rules of detection, asked about every event.
 *
 * 1. No event waits for the rules: one that comes before they are read is not judged, and counted. The collectors start
 *    when they are read. A snapshot waits, for the next one may come hours later.
 * 2. What reads and judges rules is loaded once it is wanted, and then stays.
 * 3. Rules that change take the place of those before at once; what correlations have counted goes on.
 * 4. Nothing of an event or a rule makes `judge` throw.
 */
export class Detection {
  private judging: Judge | undefined;
  private rules: Rules | undefined;
  private opening: Promise<void> | undefined;
  private isOpening = false;
  /** What waits until the rules are read. */
  private waiting: (() => void)[] = [];
  private hasFailed = false;
  private unfollow: (() => void) | undefined;
  private alerts = 0;
  private lastAlert: DetectionState['lastAlert'];

  constructor(private readonly options: DetectionOptions) {}

  /** Whether a rule in force is about such events. */
  asksFor(event: EventName): boolean {
    return this.options.isEnabled() && this.judging?.asksFor(event) === true;
  }

  /** Begins to read the rules, unless detection is switched off; resolves at once. Called again when the settings change. */
  start(): void {
    if (!this.options.isEnabled() || this.opening !== undefined) return;
    this.isOpening = true;
    this.opening = this.open()
      .catch((error: unknown) => {
        this.hasFailed = true;
        this.options.warn(
          `No event is judged by rules of detection: they cannot be read (${reasonOf(error)}). Install the agent again, or switch detectionEnabled off.`,
        );
      })
      .finally(() => this.endWaiting());
  }

  /** Does it once the rules are read, or it is known that they cannot be; at once where nobody reads them now. */
  whenRead(action: () => void): void {
    if (this.isOpening) this.waiting.push(action);
    else action();
  }

  /** Resolves when the rules are read, or it is known that they cannot be. */
  async settled(): Promise<void> {
    await this.opening;
  }

  /** Nothing waits any more; resolves when what correlations have counted is on disk. Goes on judging. */
  async stop(): Promise<void> {
    this.endWaiting();
    this.unfollow?.();
    this.unfollow = undefined;
    this.rules?.close();
    await this.options.memory?.save();
  }

  /** What correlations have counted; undefined where there is nothing to be kept. */
  memory(): JsonObject | undefined {
    return this.judging?.memory();
  }

  private endWaiting(): void {
    this.isOpening = false;
    for (const action of this.waiting.splice(0)) action();
  }

  judge(event: EventName, judged: Judged): Alert | undefined {
    if (!this.options.isEnabled()) return undefined;
    if (this.judging === undefined) {
      this.options.lose('notJudged', 1);
      return undefined;
    }
    try {
      const alert = this.judging.judge(event, judged);
      if (alert !== undefined) this.remember(alert);
      return alert;
    } catch (error) {
      this.options.lose('notJudged', 1);
      this.options.log.debug(`An event could not be judged: ${reasonOf(error)}`);
      return undefined;
    }
  }

  state(): DetectionState {
    const set = this.judging?.set;
    const summary = this.rules?.summary();
    return {
      state: this.mode(),
      rules: set?.rules.length ?? 0,
      correlations: set?.correlations.length ?? 0,
      refused: set?.refusals.length ?? 0,
      refusals: (summary?.refused ?? []).slice(0, mostRefusals).map(refusalText),
      sources: summary?.sources ?? { builtin: 0, local: 0, twin: 0 },
      disabled: summary?.disabled ?? 0,
      problem: summary?.problem,
      suspended: this.judging?.suspended.map(({ title }) => printable(title, 256)) ?? [],
      alerts: this.alerts,
      lastAlert: this.lastAlert,
    };
  }

  /** For the reported properties. */
  reported(): JsonObject {
    const suspended = this.judging?.suspended.length ?? 0;
    return {
      state: this.mode(),
      ...(this.options.isEnabled() && this.rules?.reported()),
      ...(suspended > 0 && { suspended }),
    };
  }

  private mode(): DetectionState['state'] {
    if (!this.options.isEnabled()) return 'off';
    if (this.judging !== undefined) return 'running';
    return this.hasFailed ? 'failed' : 'loading';
  }

  private async open(): Promise<void> {
    const { memory, openRules } = this.options;
    const [{ Judge }, rules, counted] = await Promise.all([
      import('./judge.js'),
      openRules(),
      memory?.load(),
    ]);
    const use = (set: RuleSet): void => {
      const before = this.judging;
      const { log, lose, warn } = this.options;
      this.judging = new Judge(set, {
        lose,
        onCounted: () => memory?.changed(),
        onSuspended: ({ title, id }, averageMs) =>
          warn(
            `The rule of detection "${printable(title, 100)}" (${printable(id, 100)}) is judged no more: it takes ${averageMs.toFixed(1)} ms an event. Make its conditions simpler.`,
          ),
      });
      if (before !== undefined) this.judging.takeOver(before.memory());
      this.options.onRules?.();
      log.info('Events are judged by rules of detection.', {
        rules: set.rules.length,
        correlations: set.correlations.length,
        refused: set.refusals.length,
      });
    };
    this.rules = rules;
    use(rules.current);
    if (counted !== undefined) this.judging?.takeOver(counted);
    this.unfollow = rules.onChange(use);
  }

  private remember({ details }: Alert): void {
    this.alerts++;
    this.lastAlert = { title: details['AlertTitle'] ?? '', timeMs: this.options.wallMs() };
  }
}
