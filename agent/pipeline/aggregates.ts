import type { Clock } from '../../base/clock.js';
import type { Settings } from '../../config/settings.js';
import type { TwinSettings } from '../../config/twin-settings.js';
import type { Priority, SentPriority } from '../../contract/priority.js';
import type { LossLedger } from '../accounting/losses.js';
import type { SpoolFiles } from '../spool/files.js';
import { aggregatedNames, type AggregatedName } from './aggregation/identity.js';
import { AggregationCoordinator } from './aggregation/coordinator.js';
import { AggregationJournal } from './aggregation/journal.js';
import { queueOf, type Outbox } from './outbox.js';

interface AggregatesOptions {
  readonly directory: string;
  /** Instead of those of the system. */
  readonly files?: SpoolFiles;
  readonly clock: Clock;
  readonly outbox: Pick<Outbox, 'add' | 'addSealed'>;
  readonly losses: LossLedger;
  readonly settings: Pick<Settings, 'current' | 'onChange'>;
  /** Whether what was journaled is on disk. */
  readonly isDurable: () => boolean;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Equal observations, counted as the twin asks for; what was counted under settings that end is closed. */
export class Aggregates {
  /** The last priority of each event name that was not Off: what is open when it is switched off still goes out. */
  private readonly priorities = new Map<AggregatedName, SentPriority>();

  private unfollow: (() => void) | undefined;

  private constructor(
    private readonly options: AggregatesOptions,
    private readonly journal: AggregationJournal,
    /** Counts what the pipeline gives it. */
    readonly coordinator: AggregationCoordinator,
  ) {}

  /** Goes on with what the last run was counting; never fails because of what it finds. */
  static async open(options: AggregatesOptions): Promise<Aggregates> {
    const { losses } = options;
    const journal = await AggregationJournal.open({
      ...options,
      lose: (cause, count) => losses.count('aggregates', cause, count),
    });
    const coordinator: AggregationCoordinator = new AggregationCoordinator({
      ...options,
      journal,
      queueOf: (name) => queueOf(name, aggregates.priority(name)),
      onDropped: (name, hits) => aggregates.countDropped(name, hits),
    });
    const aggregates = new Aggregates(options, journal, coordinator);
    return aggregates;
  }

  async start(): Promise<void> {
    await this.coordinator.start();
    this.setIntervals();
    this.unfollow = this.options.settings.onChange((before, after) => this.follow(before, after));
  }

  /**
   * What is being counted belongs to the settings under which it was seen: what moves to another queue, or is counted no
   * more, is closed.
   */
  private follow(before: TwinSettings, after: TwinSettings): void {
    for (const name of aggregatedNames) {
      this.remember(name, before[`eventPriority${name}`]);
      const moved = before[`eventPriority${name}`] !== after[`eventPriority${name}`];
      const ends = before[`aggregationEnabled${name}`] && !after[`aggregationEnabled${name}`];
      if (moved || ends) void this.coordinator.sealAll(name);
    }
    this.setIntervals();
  }

  /** The clock, which had not been set, was. */
  clockSet(byMs: number): void {
    this.coordinator.clockSet(byMs);
  }

  private setIntervals(): void {
    for (const name of aggregatedNames) {
      this.coordinator.setInterval(
        name,
        this.options.settings.current[`aggregationInterval${name}`].ms,
      );
    }
  }

  /** Closes everything; resolves when it is journaled. */
  async stop(): Promise<void> {
    this.unfollow?.();
    await this.coordinator.sealAll();
    await this.coordinator.stop();
    await this.journal.close();
  }

  private countDropped(name: AggregatedName, hits: number): void {
    this.options.losses.count(queueOf(name, this.priority(name)), 'pipelineOverflow', hits);
  }

  private priority(name: AggregatedName): SentPriority {
    this.remember(name, this.options.settings.current[`eventPriority${name}`]);
    return this.priorities.get(name) ?? 'Low';
  }

  private remember(name: AggregatedName, priority: Priority): void {
    if (priority !== 'Off') this.priorities.set(name, priority);
  }
}
