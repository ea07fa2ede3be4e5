import type { Clock } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { Turns } from '../../base/turns.js';
import type { Collector, Observation } from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import type { Settings } from '../../config/settings.js';
import type { TwinSettings } from '../../config/twin-settings.js';
import type { Payload, SnapshotName, TriggeredName } from '../../contract/events.js';
import type { LossLedger } from '../accounting/losses.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { CollectorState } from './collector-state.js';
import { SnapshotRunner } from './snapshot-runner.js';
import { TriggeredRunner } from './triggered-runner.js';

interface CollectorsRunnerOptions {
  readonly collectors: readonly Collector[];
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly moments: Pick<Moments, 'nextMs'>;
  readonly losses: LossLedger;
  readonly settings: Pick<Settings, 'current' | 'onChange'>;
  readonly onObservation: (name: TriggeredName, observation: Observation) => void;
  readonly onSnapshot: (name: SnapshotName, payloads: readonly Payload[], timeMs: number) => void;
  readonly onStateChange: () => void;
}

/** One collector under its policy, whatever its kind. */
interface Run {
  readonly name: SnapshotName | TriggeredName;
  state(): CollectorState;
  start(settings: TwinSettings): Promise<void>;
  retime(settings: TwinSettings): void;
  stop(): Promise<void>;
}

/** Runs every registered collector whose priority is not Off, and follows the settings while it runs. */
export class CollectorsRunner {
  private readonly runs: readonly Run[];
  private readonly started = new Set<Run>();
  private readonly turns = new Turns();
  /** What is applied when the work before it is done, unless it is replaced until then. */
  private next: { settings: TwinSettings; applied: Promise<void> } | undefined;

  private unfollow: (() => void) | undefined;

  constructor(private readonly options: CollectorsRunnerOptions) {
    this.runs = options.collectors.map((collector) => createRun(collector, options));
  }

  /** Resolves when every collector is armed or known to be unavailable; the settings are followed from then on. */
  start(): Promise<void> {
    const { settings } = this.options;
    this.unfollow ??= settings.onChange((_before, after) => void this.apply(after));
    return this.apply(settings.current);
  }

  /**
   * Starts, stops and retimes collectors; resolves when each is armed, stopped or known to be unavailable. Of settings
   * that come while earlier ones are being applied only the newest are applied.
   */
  apply(settings: TwinSettings): Promise<void> {
    if (this.next !== undefined) {
      this.next.settings = settings;
      return this.next.applied;
    }
    const next = { settings, applied: Promise.resolve() };
    this.next = next;
    next.applied = this.turns.run(() => {
      if (this.next === next) this.next = undefined;
      return this.forEach((run) => this.follow(run, next.settings));
    });
    return next.applied;
  }

  /** Resolves when every collector has undone what it changed on the host. */
  stop(): Promise<void> {
    this.unfollow?.();
    this.unfollow = undefined;
    // What was to be applied is for a new start.
    this.next = undefined;
    return this.turns.run(() => this.forEach((run) => this.stopRun(run)));
  }

  states(): Record<string, CollectorState> {
    return Object.fromEntries(this.runs.map((run) => [run.name, run.state()]));
  }

  private async follow(run: Run, settings: TwinSettings): Promise<void> {
    if (settings[`eventPriority${run.name}`] === 'Off') {
      await this.stopRun(run);
    } else if (this.started.has(run)) {
      run.retime(settings);
    } else {
      this.started.add(run);
      await run.start(settings);
    }
  }

  private stopRun(run: Run): Promise<void> {
    this.started.delete(run);
    return run.stop();
  }

  private async forEach(step: (run: Run) => Promise<void>): Promise<void> {
    await Promise.all(this.runs.map(step));
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
      start: (settings) => runner.start(settings.snapshotFrequency.ms),
      retime: (settings) => runner.setInterval(settings.snapshotFrequency.ms),
      stop: () => {
        runner.stop();
        return Promise.resolve();
      },
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
