import type { Clock } from '../../base/clock.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { Spool } from '../spool/spool.js';
import { IntervalTrigger } from './interval-trigger.js';
import type { Kind } from './message-source.js';

export const kinds = ['high', 'low'] as const satisfies readonly Kind[];

export interface DuePrioritiesOptions {
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
 * Which priorities are to be sent: each at its interval, High also when more waits than one message holds. What is due
 * stays due until it is said to be sent.
 */
export class DuePriorities {
  private readonly due: Record<Kind, boolean> = { high: false, low: false };
  private readonly triggers: Record<Kind, IntervalTrigger>;
  private running = false;

  constructor(private readonly options: DuePrioritiesOptions) {
    const trigger = (kind: Kind): IntervalTrigger =>
      new IntervalTrigger(
        options.clock,
        () => this.intervalMs(kind),
        (intervalMs) => options.moments.nextMs(kind, intervalMs),
        () => {
          this.due[kind] = true;
          options.onDue();
        },
      );
    this.triggers = { high: trigger('high'), low: trigger('low') };
  }

  /** What waits in the spool has waited already, so that frequent restarts do not starve a long interval. */
  start(): void {
    this.running = true;
    for (const kind of kinds) this.triggers[kind].start(this.waitedMs(kind));
    this.options.spool.onAppended(() => this.checkSize());
    this.checkSize();
  }

  stop(): void {
    this.running = false;
    for (const kind of kinds) this.triggers[kind].stop();
  }

  is(kind: Kind): boolean {
    return this.due[kind];
  }

  set(kind: Kind): void {
    this.due[kind] = true;
  }

  sent(kind: Kind): void {
    this.due[kind] = false;
  }

  settingsChanged(): void {
    for (const kind of kinds) this.triggers[kind].intervalChanged();
    this.checkSize();
  }

  /** Where the clock was not set at the start, the age of what is stored is only known later. */
  checkAge(): void {
    for (const kind of kinds) {
      if (this.waitedMs(kind) >= this.intervalMs(kind)) this.due[kind] = true;
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
    if (!this.due.high) this.triggers.high.restart();
    this.due.high = true;
    this.options.onDue();
  }

  private intervalMs(kind: Kind): number {
    const { highPriorityMessageFrequency, lowPriorityMessageFrequency } =
      this.options.settings.current;
    return kind === 'high' ? highPriorityMessageFrequency.ms : lowPriorityMessageFrequency.ms;
  }

  private waitedMs(kind: Kind): number {
    const { oldestWallMs } = this.options.spool.stats()[kind];
    return oldestWallMs === undefined ? 0 : this.options.clock.wallMs() - oldestWallMs;
  }
}
