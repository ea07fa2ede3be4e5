import { doublingMs } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { isUnavailable } from '../../base/unavailable.js';
import type { AnySnapshotCollector } from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import type { SourceState } from '../../collectors/kernel/source-state.js';
import type { Payload, SnapshotName } from '../../contract/events.js';
import type { Moments } from '../fleet/fleet-moments.js';
import { Announcer } from './announcer.js';
import { ChangeWatch } from './change-watch.js';
import type { CollectorState, Tell } from './collector-state.js';

type Collect = AnySnapshotCollector['collect'];

const firstRetryMs = 60_000;
/** Longer than any snapshot takes on a slow board that is busy, short enough to notice a hung read. */
const deadlineMs = 120_000;

export interface SnapshotRunnerOptions {
  readonly collector: AnySnapshotCollector;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly moments: Pick<Moments, 'nextMs'>;
  readonly lose: ReportLoss;
  readonly tell: Tell;
  /** Takes what was found, which may be nothing. */
  readonly pipeline: {
    snapshot(name: SnapshotName, payloads: readonly Payload[], timeMs: number): void;
  };
}

/**
 * One snapshot collector under its schedule.
 *
 * 1. A snapshot is taken at once after the start, then one in each interval, at a moment of this device, and one
 *    soon after a change that the collector noticed.
 * 2. Runs never overlap, also when one was given up after `deadlineMs` and has not ended.
 * 3. A run that failed is repeated after a pause that doubles, up to the interval, and hands nothing on: to have failed
 *    never looks like to have found nothing.
 * 4. After `stop`, what a run still finds is dropped.
 * 5. What is not new is not handed on by a collector that tells only what is.
 */
export class SnapshotRunner {
  private timer: Timer | undefined;
  private intervalMs = 0;
  private lastStartMs = 0;
  private failures = 0;
  private readonly announcer: Announcer;
  /** A run that was given up and has not ended: no second one is begun beside it. */
  private hangs = false;
  private generation = 0;
  private source: SourceState = { source: 'snapshot' };
  private current: CollectorState = { state: 'off' };
  private isRunning = false;
  /** Something changed while a snapshot was taken. */
  private again = false;
  private readonly watch: ChangeWatch;

  constructor(private readonly options: SnapshotRunnerOptions) {
    const { collector, log, tell } = options;
    this.announcer = new Announcer({ subject: `The snapshot ${collector.name}`, log, tell });
    this.watch = new ChangeWatch({ ...options, take: () => this.takeEarly() });
  }

  get state(): CollectorState {
    const missed = this.watch.limitation;
    if (missed === undefined || this.current.state !== 'running') return this.current;
    const limitations = [this.current.limitation, missed];
    return { ...this.current, limitation: limitations.filter(Boolean).join(' ') };
  }

  /** Resolves when the first snapshot was taken or has failed. */
  async start(intervalMs: number): Promise<void> {
    this.intervalMs = this.allowed(intervalMs);
    this.current = { state: 'running' };
    const generation = ++this.generation;
    await this.watch.start();
    if (generation === this.generation) await this.run(generation);
  }

  /** The next snapshot is due one new interval after the last one began; when that is past, at the next moment. */
  setInterval(wantedMs: number): void {
    const intervalMs = this.allowed(wantedMs);
    if (intervalMs === this.intervalMs) return;
    this.intervalMs = intervalMs;
    if (this.timer !== undefined && this.failures === 0) this.schedule(this.remainingMs());
  }

  /** Resolves when changes are not watched any more. */
  async stop(): Promise<void> {
    this.generation++;
    this.timer?.cancel();
    this.timer = undefined;
    this.isRunning = this.again = false;
    this.current = { state: 'off' };
    await this.watch.stop();
  }

  private allowed(intervalMs: number): number {
    return Math.max(intervalMs, this.options.collector.leastIntervalMs ?? 0);
  }

  private takeEarly(): void {
    if (this.isRunning) {
      this.again = true;
      return;
    }
    // One that was given up is repeated anyway.
    if (this.hangs) return;
    this.timer?.cancel();
    void this.run(this.generation);
  }

  private remainingMs(): number {
    const { clock, moments } = this.options;
    const leftMs = this.lastStartMs + this.intervalMs - clock.monotonicMs();
    const momentMs = moments.nextMs('snapshot', this.intervalMs);
    if (leftMs <= 0) return momentMs;
    // A moment soon after the last snapshot, as after a start, is met in two steps instead of twice within seconds.
    const halfMs = this.intervalMs / 2;
    return Math.min(leftMs, momentMs < leftMs - halfMs ? momentMs + halfMs : momentMs);
  }

  private schedule(delayMs: number): void {
    const { generation } = this;
    this.timer?.cancel();
    this.timer = this.options.clock.after(delayMs, () => void this.run(generation));
  }

  private async run(generation: number): Promise<void> {
    const { clock } = this.options;
    this.timer = undefined;
    this.lastStartMs = clock.monotonicMs();
    const timeMs = clock.wallMs();
    this.isRunning = true;
    this.watch.covered();
    const outcome = await this.collect().catch((error: unknown) => asError(error));
    if (generation !== this.generation) return;
    this.isRunning = false;
    this.conclude(outcome, timeMs);
    if (this.again) {
      this.again = false;
      this.takeEarly();
    }
  }

  /** Tells how a snapshot ended, and sets when the next is due. */
  private conclude(outcome: Awaited<ReturnType<Collect>> | Error, timeMs: number): void {
    const { clock, collector, pipeline } = this.options;
    const durationMs = Math.round(clock.monotonicMs() - this.lastStartMs);
    const run = { lastRunMs: timeMs, durationMs };
    if (outcome instanceof Error) {
      this.failures++;
      this.options.lose('collectorFailed', 1);
      this.current = { state: 'failing', limitation: outcome.message, ...run };
      this.announcer.say(
        'warn',
        `The snapshot ${collector.name} failed: ${outcome.message}`,
        'Warning',
      );
      const retry = { shortestMs: firstRetryMs, longestMs: this.intervalMs };
      this.schedule(doublingMs(this.failures, retry));
      return;
    }
    this.failures = 0;
    if (isUnavailable(outcome)) {
      this.current = { state: 'unavailable', limitation: outcome.unavailable, ...run };
      const sentence = `${collector.name} is not available here: ${outcome.unavailable}`;
      this.announcer.say('info', sentence, 'Information');
    } else {
      this.current = { state: 'running', ...this.source, ...run };
      const { source, limitation } = this.source;
      this.announcer.works();
      if (limitation === undefined) this.announcer.forget();
      else this.announcer.say('info', `${collector.name} comes from ${source}: ${limitation}`);
      const payloads = 'news' in outcome ? outcome.news : outcome;
      if (!('news' in outcome) || payloads.length > 0)
        pipeline.snapshot(collector.name, payloads, timeMs);
      if ('news' in outcome) outcome.told();
    }
    this.schedule(this.remainingMs());
  }

  private async collect(): ReturnType<Collect> {
    const { clock, collector, host, lose } = this.options;
    if (this.hangs) throw new Error('the one before, which was given up, has not ended yet');
    const abort = new AbortController();
    this.hangs = true;
    const collected = collector
      .collect({
        host,
        signal: abort.signal,
        lose,
        setSource: (source) => {
          if (!abort.signal.aborted) this.source = source;
        },
      })
      .finally(() => {
        this.hangs = false;
      });
    return withDeadline(clock, deadlineMs, collected, () => {
      abort.abort();
      return new Error(`it took longer than ${deadlineMs / 1000} s and was given up`);
    });
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
