import { doublingMs, type BackoffRange } from '../../base/backoff.js';
import type { Clock, Timer } from '../../base/clock.js';
import { withDeadline } from '../../base/deadline.js';
import { reasonOf } from '../../base/errors.js';
import type { Log } from '../../base/log.js';
import type { ReportLoss } from '../../base/loss.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type {
  RunningCollector,
  AnySnapshotCollector,
} from '../../collectors/interface/collector.js';
import type { Host } from '../../collectors/interface/host.js';
import { Announcer } from './announcer.js';
import { ChangePace } from './change-pace.js';
import type { Tell } from './collector-state.js';

const retry: BackoffRange = { shortestMs: 60_000, longestMs: 3_600_000 };
/** A first snapshot does not wait longer for a watch that hangs. */
const armWithinMs = 5_000;

interface ChangeWatchOptions {
  readonly collector: AnySnapshotCollector;
  readonly host: Host;
  readonly clock: Clock;
  readonly log: Log;
  readonly lose: ReportLoss;
  readonly tell: Tell;
  /** Asks for a snapshot before its interval. */
  readonly take: () => void;
}

/**
 * Keeps the watch of one snapshot collector for changes, if it has one: starts it, and again when it broke or could not
 * be had. A snapshot is asked for after a time without a watch, because changes may have been missed.
 */
export class ChangeWatch {
  private generation = 0;
  private running: RunningCollector | undefined;
  private timer: Timer | undefined;
  private attempts = 0;
  private readonly announcer: Announcer;
  private readonly pace: ChangePace;

  /** Why changes are noticed with the interval only; undefined while they are watched, or never are. */
  limitation: string | undefined;

  constructor(private readonly options: ChangeWatchOptions) {
    const { clock, collector, log, take, tell } = options;
    this.pace = new ChangePace(clock, take);
    this.announcer = new Announcer({ subject: `The watch of ${collector.name}`, log, tell });
  }

  /** Resolves when every change from then on is noticed, or it is known that none is, or that it takes long. */
  async start(): Promise<void> {
    const generation = ++this.generation;
    if (this.options.collector.watch === undefined) return;
    const late = (): Error => new Error('The watch takes long.');
    // It goes on, and says itself what becomes of it.
    await withDeadline(this.options.clock, armWithinMs, this.arm(generation), late).catch(
      () => undefined,
    );
  }

  /** A snapshot begins. */
  covered(): void {
    this.pace.covered();
  }

  async stop(): Promise<void> {
    this.generation++;
    this.pace.stop();
    this.timer?.cancel();
    this.timer = undefined;
    this.limitation = undefined;
    const { running } = this;
    this.running = undefined;
    await running?.stop();
  }

  private async arm(generation: number): Promise<void> {
    const started = await this.tryToWatch(generation);
    if (generation !== this.generation) {
      if (!isUnavailable(started)) await started.stop();
      return;
    }
    if (isUnavailable(started)) {
      this.retryLater(generation, started.unavailable);
      return;
    }
    this.running = started;
    if (this.attempts > 0) this.pace.changed();
    this.attempts = 0;
    this.announcer.forget();
    this.limitation = undefined;
  }

  private async tryToWatch(generation: number): Promise<RunningCollector | Unavailable> {
    const { collector, host, lose } = this.options;
    const isCurrent = (): boolean => generation === this.generation;
    try {
      const watching = collector.watch?.({
        host,
        lose,
        changed: () => {
          if (isCurrent()) this.pace.changed();
        },
        fail: (error) => {
          if (isCurrent()) void this.restart(error);
        },
      });
      return (await watching) ?? { unavailable: 'It watches for nothing.' };
    } catch (error) {
      return { unavailable: reasonOf(error) };
    }
  }

  private async restart(error: Error): Promise<void> {
    const { running } = this;
    this.running = undefined;
    const generation = ++this.generation;
    await running?.stop();
    if (generation === this.generation) this.retryLater(generation, error.message);
  }

  private retryLater(generation: number, reason: string): void {
    this.attempts++;
    this.limitation = `Changes are noticed with the next snapshot only: ${reason}`;
    this.announcer.say('info', `${this.options.collector.name}: ${this.limitation}`);
    this.timer?.cancel();
    this.timer = this.options.clock.after(doublingMs(this.attempts, retry), () => {
      this.timer = undefined;
      if (generation === this.generation) void this.arm(generation);
    });
  }
}
