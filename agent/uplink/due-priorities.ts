import type { Clock } from '../../base/clock.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { AlertSeverity } from '../../contract/common-details.js';
import { sentPriorities, type SentPriority } from '../../contract/priority.js';
import type { Moments } from '../fleet/fleet-moments.js';
import { queueOfPriority, type Spool } from '../spool/spool.js';
import { AlertPace } from './alert-pace.js';
import { IntervalTrigger } from './interval-trigger.js';

interface DuePrioritiesOptions {
  readonly spool: Pick<Spool, 'stats' | 'onAppended'>;
  readonly clock: Clock;
  readonly moments: Pick<Moments, 'nextMs'>;
  readonly settings: CurrentSettings<
    'highPriorityMessageFrequency' | 'lowPriorityMessageFrequency' | 'maxMessageSizeInBytes'
  >;
  /** Low events wait for the next day, so that they make nothing due. */
  readonly lowHeld: () => boolean;
  readonly inFlightBytes: () => number;
  readonly onDue: () => void;
}

/**
 * The priorities that are to be sent now.
 *
 * 1. Each is due at its interval, at a moment of this device, and High also when more waits than one message holds, and
 *    when an alert waits, as far as `AlertPace` lets it.
 * 2. What is due stays due until it is said to be sent.
 * 3. What waits in the spool at the start has waited already, so that frequent restarts do not starve a long interval.
 */
export class DuePriorities {
  private readonly due: Record<SentPriority, boolean> = { High: false, Low: false };
  private readonly triggers: Record<SentPriority, IntervalTrigger>;
  private running = false;
  private readonly alertPace: AlertPace;
  /** Grows with each alert that made High due: what was read before may not have it. */
  hurries = 0;

  constructor(private readonly options: DuePrioritiesOptions) {
    const trigger = (priority: SentPriority): IntervalTrigger =>
      new IntervalTrigger(
        options.clock,
        () => this.intervalMs(priority),
        (intervalMs) => options.moments.nextMs(queueOfPriority[priority], intervalMs),
        () => {
          this.due[priority] = true;
          options.onDue();
        },
      );
    this.triggers = { High: trigger('High'), Low: trigger('Low') };
    this.alertPace = new AlertPace(options.clock);
  }

  /** An alert waits in the spool. */
  alertWaits(severity: AlertSeverity): void {
    if (!this.running || !this.alertPace.take(severity)) return;
    this.hurries++;
    this.due.High = true;
    this.options.onDue();
  }

  start(): void {
    this.running = true;
    for (const priority of sentPriorities) this.triggers[priority].start(this.waitedMs(priority));
    this.options.spool.onAppended(() => this.checkSize());
    this.checkSize();
  }

  stop(): void {
    this.running = false;
    for (const priority of sentPriorities) this.triggers[priority].stop();
  }

  is(priority: SentPriority): boolean {
    return this.due[priority];
  }

  set(priority: SentPriority): void {
    this.due[priority] = true;
  }

  sent(priority: SentPriority): void {
    this.due[priority] = false;
  }

  settingsChanged(): void {
    for (const priority of sentPriorities) this.triggers[priority].intervalChanged();
    this.checkSize();
  }

  /** Where the clock was not set at the start, the age of what is stored is only known later. */
  checkAge(): void {
    for (const priority of sentPriorities) {
      if (this.waitedMs(priority) >= this.intervalMs(priority)) this.due[priority] = true;
    }
  }

  /** More waits than one message holds. */
  overfull(): boolean {
    const { spool, lowHeld, inFlightBytes } = this.options;
    const { high, low, operational } = spool.stats();
    const waitingBytes =
      high.bytes + operational.bytes + (lowHeld() ? 0 : low.bytes) - inFlightBytes();
    return waitingBytes > this.limitBytes();
  }

  /** The largest message, in bytes. */
  limitBytes(): number {
    return this.options.settings.current.maxMessageSizeInBytes;
  }

  private checkSize(): void {
    if (!this.running || !this.overfull()) return;
    if (!this.due.High) this.triggers.High.restart();
    this.due.High = true;
    this.options.onDue();
  }

  private intervalMs(priority: SentPriority): number {
    const { highPriorityMessageFrequency, lowPriorityMessageFrequency } =
      this.options.settings.current;
    return priority === 'High' ? highPriorityMessageFrequency.ms : lowPriorityMessageFrequency.ms;
  }

  private waitedMs(priority: SentPriority): number {
    const { oldestWallMs } = this.options.spool.stats()[queueOfPriority[priority]];
    return oldestWallMs === undefined ? 0 : this.options.clock.wallMs() - oldestWallMs;
  }
}
