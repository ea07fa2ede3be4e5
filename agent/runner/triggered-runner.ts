import { doublingMs, type BackoffRange } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { Turns } from '../../base/turns.js';
import { isUnavailable } from '../../base/unavailable.js';
import type {
  Observation,
  RunningCollector,
  TriggeredCollector,
} from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import type { TriggeredName } from '../../contract/events.js';
import type { CollectorState } from './collector-state.js';

const retry: BackoffRange = { shortestMs: 5_000, longestMs: 300_000 };

interface TriggeredRunnerOptions {
  readonly collector: TriggeredCollector<TriggeredName>;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly lose: ReportLoss;
  readonly onObservation: (name: TriggeredName, observation: Observation) => void;
  readonly onStateChange: () => void;
}

/**
 * Keeps one triggered collector armed: starts it, starts it again when it broke, tries again when it was not
 * available. Starts and stops are serialised, so that Off, On in quick succession end in the last one asked for.
 */
export class TriggeredRunner {
  private wanted = false;
  private running: RunningCollector | undefined;
  private timer: Timer | undefined;
  private attempts = 0;
  private said = '';
  private lastEventMs: number | undefined;
  private readonly turns = new Turns();
  private current: CollectorState = { state: 'off' };

  constructor(private readonly options: TriggeredRunnerOptions) {}

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
      const started = await collector.start({
        host,
        clock,
        lose,
        emit: (observation) => {
          if (!mayEmit.value) return;
          this.lastEventMs = clock.wallMs();
          this.options.onObservation(collector.name, observation);
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
      if (isUnavailable(started)) {
        isCurrent.value = mayEmit.value = false;
        this.setState({ state: 'unavailable', limitation: started.unavailable });
        this.say('warn', `${collector.name} is not available here: ${started.unavailable}`);
        this.retryLater();
        return;
      }
      this.running = {
        stop: async () => {
          isCurrent.value = false;
          await started.stop();
          mayEmit.value = false;
        },
      };
      this.attempts = 0;
      if (this.current.state !== 'running') this.setState({ state: 'running' });
    } catch (error) {
      isCurrent.value = mayEmit.value = false;
      await this.restartAfter(error);
    }
  }

  private async restartAfter(error: unknown): Promise<void> {
    const reason = reasonOf(error);
    await this.disarm();
    if (!this.wanted) return;
    this.options.lose('collectorFailed', 1);
    this.setState({ state: 'failing', limitation: reason });
    this.say('warn', `The collector ${this.options.collector.name} stopped working: ${reason}`);
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
      this.say('info', `${name} comes from ${state.source ?? 'its source'}: ${state.limitation}`);
    }
    this.options.onStateChange();
  }

  private say(level: 'info' | 'warn', sentence: string): void {
    if (sentence === this.said) return;
    this.said = sentence;
    this.options.log[level](sentence);
  }
}
