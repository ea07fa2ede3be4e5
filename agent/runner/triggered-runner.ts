import { doublingMs, type BackoffRange } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import { reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { Turns } from '../../base/turns.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type {
  Observation,
  RunningCollector,
  TriggeredCollector,
} from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import type { TriggeredName } from '../../contract/events.js';
import { Announcer } from './announcer.js';
import type { CollectorState, Tell } from './collector-state.js';

/** Longer than any collector takes to be armed on a slow board. */
const startDeadlineMs = 30_000;
/** Longer than the two seconds that a collector may take. */
const stopDeadlineMs = 5_000;
const retry: BackoffRange = { shortestMs: 5_000, longestMs: 300_000 };

export interface TriggeredRunnerOptions {
  readonly collector: TriggeredCollector<TriggeredName>;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly lose: ReportLoss;
  readonly tell: Tell;
  /** Takes what is observed. */
  readonly pipeline: { observe(name: TriggeredName, observation: Observation): void };
  readonly onStateChange: () => void;
}

/**
 * One triggered collector, kept armed for as long as its event is wanted.
 *
 * 1. Starts and stops never overlap, so that Off, On in quick succession end in the last one asked for.
 * 2. At most one start is under way, also when one was given up and has not ended. What is armed too late is stopped as
 *    soon as it is.
 * 3. What a collector had read is taken until its stop has ended, and nothing after that.
 * 4. Nobody waits longer than `startDeadlineMs` for a start and `stopDeadlineMs` for a stop.
 * 5. Of a collector that breaks, each break is counted as a loss, and told once while its reason is the same.
 *
 * Its modes (`CollectorState`):
 *
 * ## off
 *
 * Not wanted, and what the collector changed on the host is undone.
 *
 * ## running
 *
 * The collector is armed. `setSource` tells where its facts come from; `fail` leads to `failing`.
 *
 * ## unavailable
 *
 * The host cannot give what the collector needs. It is tried again after a pause that doubles.
 *
 * ## failing
 *
 * A start threw or took too long, or an armed collector failed. What is left of it is stopped, and it is tried again
 * after a pause that doubles.
 */
export class TriggeredRunner {
  private wanted = false;
  private running: RunningCollector | undefined;
  private timer: Timer | undefined;
  private attempts = 0;
  private readonly announcer: Announcer;
  /** A start that has not ended, or was given up: no second one is begun beside it. */
  private hangs = false;
  private lastEventMs: number | undefined;
  private readonly turns = new Turns();
  private current: CollectorState = { state: 'off' };

  constructor(private readonly options: TriggeredRunnerOptions) {
    const { collector, log, tell } = options;
    this.announcer = new Announcer({ subject: `The collector ${collector.name}`, log, tell });
  }

  get state(): CollectorState {
    const { lastEventMs } = this;
    return lastEventMs === undefined ? this.current : { ...this.current, lastRunMs: lastEventMs };
  }

  /** Resolves when the collector is armed, or it is known that it is not available now. */
  start(): Promise<void> {
    this.wanted = true;
    return this.turns.run(() => this.arm());
  }

  /** Resolves when the collector has undone what it changed on the host. */
  stop(): Promise<void> {
    this.wanted = false;
    return this.turns.run(() => this.disarm());
  }

  private async arm(): Promise<void> {
    if (!this.wanted || this.running !== undefined) return;
    const { clock, collector, host, lose } = this.options;
    const isCurrent = { value: true };
    // What the collector had read already comes out while it stops.
    const mayEmit = { value: true };
    try {
      if (this.hangs) throw new Error('the start before, which was given up, has not ended yet');
      const starting = collector.start({
        host,
        clock,
        lose,
        emit: (observation) => {
          if (!mayEmit.value) return;
          this.lastEventMs = clock.wallMs();
          this.options.pipeline.observe(collector.name, observation);
        },
        setSource: (source) => {
          if (isCurrent.value) this.setState({ state: 'running', ...source });
        },
        fail: (error) => {
          if (!isCurrent.value) return;
          isCurrent.value = false;
          void this.turns.run(() => this.restartAfter(error));
        },
      });
      const started = await this.inTime(starting);
      if (isUnavailable(started)) {
        isCurrent.value = mayEmit.value = false;
        this.setState({ state: 'unavailable', limitation: started.unavailable });
        const sentence = `${collector.name} is not available here: ${started.unavailable}`;
        this.announcer.say('warn', sentence, 'Information');
        this.retryLater();
        return;
      }
      this.running = {
        stop: async () => {
          isCurrent.value = false;
          await this.stopWithin(started);
          mayEmit.value = false;
        },
      };
      this.attempts = 0;
      this.announcer.works();
      if (this.current.state !== 'running') this.setState({ state: 'running' });
    } catch (error) {
      isCurrent.value = mayEmit.value = false;
      await this.restartAfter(error);
    }
  }

  /** One that is armed too late is stopped as soon as it is. */
  private async inTime(
    starting: Promise<RunningCollector | Unavailable>,
  ): Promise<RunningCollector | Unavailable> {
    const late = { value: false };
    this.hangs = true;
    void starting
      .then(
        (outcome) => (late.value && !isUnavailable(outcome) ? this.stopWithin(outcome) : undefined),
        () => undefined,
      )
      .finally(() => {
        this.hangs = false;
      });
    return withDeadline(this.options.clock, startDeadlineMs, starting, () => {
      late.value = true;
      return new Error(`it was not armed within ${startDeadlineMs / 1000} s`);
    });
  }

  private async restartAfter(error: unknown): Promise<void> {
    const reason = reasonOf(error);
    await this.disarm();
    if (!this.wanted) return;
    this.options.lose('collectorFailed', 1);
    this.setState({ state: 'failing', limitation: reason });
    const sentence = `The collector ${this.options.collector.name} stopped working: ${reason}`;
    this.announcer.say('warn', sentence, 'Warning');
    this.retryLater();
  }

  private retryLater(): void {
    this.timer?.cancel();
    const delayMs = doublingMs(++this.attempts, retry);
    this.timer = this.options.clock.after(delayMs, () => void this.turns.run(() => this.arm()));
  }

  private async disarm(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    const { running } = this;
    this.running = undefined;
    await running?.stop();
    if (this.wanted) return;
    this.lastEventMs = undefined;
    this.setState({ state: 'off' });
  }

  private setState(state: CollectorState): void {
    const before = this.current;
    this.current = state;
    const { state: kind, source, limitation } = before;
    const isSame =
      kind === state.state && source === state.source && limitation === state.limitation;
    // Counters alone wait for the next status.
    if (isSame && state.counters !== undefined) return;
    if (state.state === 'running' && state.limitation !== undefined) {
      const { name } = this.options.collector;
      this.announcer.say(
        'info',
        `${name} comes from ${state.source ?? 'its source'}: ${state.limitation}`,
      );
    }
    this.options.onStateChange();
  }

  /** Nobody waits for ever for one that does not keep to its time. */
  private async stopWithin(running: RunningCollector): Promise<void> {
    const { clock, collector, log } = this.options;
    const late = (): Error => new Error(`it did not stop within ${stopDeadlineMs / 1000} s`);
    try {
      await withDeadline(clock, stopDeadlineMs, running.stop(), late);
    } catch (error) {
      log.warn(`The collector ${collector.name} could not be stopped: ${reasonOf(error)}.`);
    }
  }
}
