import type { Clock } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { Turns } from '../../base/turns.js';
import type { Collector } from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import type { Settings } from '../../config/settings.js';
import type { TwinSettings } from '../../config/twin-settings.js';
import type { SnapshotName, TriggeredName } from '../../contract/events.js';
import type { LossLedger } from '../accounting/losses.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { CollectorState, Tell } from './collector-state.js';
import { SnapshotRunner, type SnapshotRunnerOptions } from './snapshot-runner.js';
import { TriggeredRunner, type TriggeredRunnerOptions } from './triggered-runner.js';

interface CollectorsRunnerOptions {
  readonly collectors: readonly Collector[];
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly moments: Pick<Moments, 'nextMs'>;
  readonly losses: LossLedger;
  readonly settings: Pick<Settings, 'current' | 'onChange'>;
  /** Whether an event is wanted though its priority is Off: its alerts are told. Absent: none is. */
  readonly isJudged?: (name: SnapshotName | TriggeredName, settings: TwinSettings) => boolean;
  /** Takes what the collectors observe and find. */
  readonly pipeline: TriggeredRunnerOptions['pipeline'] & SnapshotRunnerOptions['pipeline'];
  readonly onStateChange: () => void;
  /** Tells the hub that a collector gives nothing, and when it works again. */
  readonly tell: Tell;
}

/** One collector under its policy, whatever its kind. */
interface Run {
  readonly name: SnapshotName | TriggeredName;
  state(): CollectorState;
  start(settings: TwinSettings): Promise<void>;
  retime(settings: TwinSettings): void;
  stop(): Promise<void>;
}

/** So long the start and the stop wait for collectors; those that take longer go on without anybody waiting for them. */
const longestWaitMs = 10_000;

/**
 * All registered collectors, each running while its priority is not Off, or rules of detection ask for its event.
 *
 * 1. Each follows the settings by itself: one that hangs while it starts or stops delays no other, nor the settings of
 *    any other, nor for long the start of the agent.
 * 2. Of settings that come while a collector applies earlier ones it applies only the newest.
 */
export class CollectorsRunner {
  private readonly followers: readonly Follower[];
  private unfollow: (() => void) | undefined;

  constructor(private readonly options: CollectorsRunnerOptions) {
    this.followers = options.collectors.map(
      (collector) => new Follower(createRun(collector, options), options.isJudged),
    );
  }

  /** Resolves when every collector is armed or known to be unavailable, or takes too long. */
  async start(): Promise<void> {
    const { settings } = this.options;
    this.unfollow ??= settings.onChange((_before, after) => void this.apply(after));
    await this.inTime(this.apply(settings.current));
  }

  /**
   * Starts, stops and retimes collectors; resolves when each is armed, stopped or known to be unavailable. Of settings
   * that come while a collector applies earlier ones it applies only the newest.
   */
  async apply(settings: TwinSettings): Promise<void> {
    await Promise.all(this.followers.map((follower) => follower.apply(settings)));
  }

  /** Rules of detection may ask for other events than before. */
  async followRules(): Promise<void> {
    if (this.unfollow !== undefined) await this.apply(this.options.settings.current);
  }

  /** Resolves when every collector has undone what it changed on the host, or takes too long. */
  async stop(): Promise<void> {
    this.unfollow?.();
    this.unfollow = undefined;
    await this.inTime(Promise.all(this.followers.map((follower) => follower.stop())));
  }

  /** Whoever is late is told by its runner. */
  private async inTime(work: Promise<unknown>): Promise<void> {
    const late = (): Error => new Error('late');
    await withDeadline(this.options.clock, longestWaitMs, work, late).catch(() => undefined);
  }

  states(): Record<string, CollectorState> {
    return Object.fromEntries(this.followers.map(({ run }) => [run.name, run.state()]));
  }
}

/** One collector and the settings that it has yet to follow, one step after the other. */
class Follower {
  private isStarted = false;
  private readonly turns = new Turns();
  /** What is applied when the work before it is done, unless it is replaced until then. */
  private next: { settings: TwinSettings; applied: Promise<void> } | undefined;

  constructor(
    readonly run: Run,
    private readonly isJudged: CollectorsRunnerOptions['isJudged'],
  ) {}

  apply(settings: TwinSettings): Promise<void> {
    if (this.next !== undefined) {
      this.next.settings = settings;
      return this.next.applied;
    }
    const next = { settings, applied: Promise.resolve() };
    this.next = next;
    next.applied = this.turns.run(() => {
      if (this.next === next) this.next = undefined;
      return this.follow(next.settings);
    });
    return next.applied;
  }

  stop(): Promise<void> {
    // What was to be applied is for a new start.
    this.next = undefined;
    return this.turns.run(() => this.stopNow());
  }

  private async follow(settings: TwinSettings): Promise<void> {
    const { name } = this.run;
    const isOff = settings[`eventPriority${name}`] === 'Off';
    if (isOff && this.isJudged?.(name, settings) !== true) {
      await this.stopNow();
    } else if (this.isStarted) {
      this.run.retime(settings);
    } else {
      this.isStarted = true;
      await this.run.start(settings);
    }
  }

  private stopNow(): Promise<void> {
    this.isStarted = false;
    return this.run.stop();
  }
}

function createRun(collector: Collector, options: CollectorsRunnerOptions): Run {
  const { name } = collector;
  const lose: ReportLoss = (cause, count) => options.losses.count(name, cause, count);
  if (collector.kind === 'snapshot') {
    const runner = new SnapshotRunner({ ...options, collector, lose });
    return {
      name,
      state: () => runner.state,
      // Nothing waits for a snapshot: it takes what it takes.
      start: (settings) => {
        void runner.start(settings.snapshotFrequency.ms);
        return Promise.resolve();
      },
      retime: (settings) => runner.setInterval(settings.snapshotFrequency.ms),
      stop: () => runner.stop(),
    };
  }
  const runner = new TriggeredRunner({ ...options, collector, lose });
  return {
    name,
    state: () => runner.state,
    start: () => runner.start(),
    retime: () => undefined,
    stop: () => runner.stop(),
  };
}
