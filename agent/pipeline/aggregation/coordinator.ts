/**
 * Lets aggregation survive restarts: the table counts, the journal remembers, and the coordinator says when the journal
 * is written and what is handed on.
 *
 * 1. The first sight of an identity is on disk within 1 s, at once when it is urgent; counts every 10 s while they
 *    change. A crash loses hit counts of the last 10 s, never an identity seen more than 1 s before.
 * 2. An aggregate leaves the journal only after the spool has it, so a crash in between gives it again: same id, same
 *    counts, same event.
 * 3. A restart goes on with the open aggregates; a window that ended meanwhile is sealed at once.
 * 4. A disk that refuses stops nothing: what could not be saved is saved by a later turn. A crash meanwhile finds open
 *    what may have been sent, and counts those hits again, in an event with another id.
 * 5. What was closed waits within twice the bytes of the table, however slow the disk is; beyond that it is dropped and
 *    counted by its hits.
 */
import type { Clock, Timer } from '../../../base/clock.js';
import { Turns } from '../../../base/turns.js';
import type { Payload } from '../../../contract/events.js';
import type { QueueName } from '../../spool/spool.js';
import type { AggregatedName } from './identity.js';
import type { AggregationJournal, Closed } from './journal.js';
import { type Aggregate, sealAggregate, type SealedAggregate } from './aggregate.js';
import { AggregationTable } from './table.js';

/** Leaves the disk a third of the second. */
const firstSightMs = 700;
const countsMs = 10_000;

interface AggregationCoordinatorOptions {
  readonly clock: Clock;
  readonly journal: AggregationJournal;
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly outbox: {
    /** Takes a hit that is told by itself. */
    add(
      queue: QueueName,
      name: AggregatedName,
      payload: Payload<AggregatedName>,
      timeMs: number,
    ): void;
    /** Takes closed aggregates; resolves when each is in the spool or counted as lost. Never rejects. */
    addSealed(
      queue: QueueName,
      name: AggregatedName,
      sealed: readonly SealedAggregate[],
    ): Promise<void>;
  };
  /** Where aggregates of an event name go now. */
  readonly queueOf: (name: AggregatedName) => QueueName;
  /** Closed aggregates had to be dropped; `hits` is what they counted. */
  readonly onDropped: (name: AggregatedName, hits: number) => void;
  /** Whether what the spool has is on disk. */
  readonly isDurable: () => boolean;
  readonly newId?: () => string;
}

export class AggregationCoordinator {
  private readonly table: AggregationTable;
  private readonly fresh = new Set<Aggregate>();
  private closed: Closed[] = [];
  /** Of everything that is closed and not delivered yet. */
  private closedBytes = 0;
  /** Delivered, but held in memory by the spool when it was. */
  private deliveredIds: string[] = [];
  private readonly turns = new Turns();
  private soon: Timer | undefined;
  private counts: Timer | undefined;
  private handingOn = false;
  private savingFresh = false;
  private stopped = false;

  constructor(private readonly options: AggregationCoordinatorOptions) {
    const { clock, maxEntries, maxBytes, newId } = options;
    this.table = new AggregationTable({
      clock,
      maxEntries,
      maxBytes,
      onOpened: (aggregate) => void this.fresh.add(aggregate),
      onSealed: (aggregate, endMs, sizeBytes) => this.close(aggregate, endMs, sizeBytes),
      ...(newId === undefined ? {} : { newId }),
    });
  }

  /** Goes on where the last run stopped. Call `setInterval` after it. */
  async start(): Promise<void> {
    const { journal } = this.options;
    for (const batch of journal.sealedBatches()) await this.deliver(batch);
    this.table.restore(journal.openAggregates());
    this.fresh.clear();
  }

  /** Counts one hit. `urgent`: its first sight is saved at once. */
  add<N extends AggregatedName>(
    name: N,
    payload: Payload<N>,
    timeMs: number,
    urgent: boolean,
  ): void {
    const { clock, outbox, queueOf } = this.options;
    if (!this.table.add(name, payload, timeMs)) {
      outbox.add(queueOf(name), name, payload, timeMs);
      return;
    }
    if (this.fresh.size > 0 && urgent) this.saveFresh();
    else if (this.fresh.size > 0) this.soon ??= clock.after(firstSightMs, () => this.saveFresh());
    this.saveLater();
  }

  setInterval(name: AggregatedName, intervalMs: number): void {
    this.table.setInterval(name, intervalMs);
  }

  /** The clock, which had not been set, was. */
  clockSet(byMs: number): void {
    this.table.clockSet(byMs);
  }

  /** Ends the windows of one event name, or of all, now; resolves when what was open is handed on. */
  async sealAll(name?: AggregatedName): Promise<void> {
    this.table.sealAll(name);
    await this.settled();
  }

  /** Saves what is open, for the next run, and stops. */
  async stop(): Promise<void> {
    this.stopped = true;
    this.table.stop();
    this.soon?.cancel();
    this.counts?.cancel();
    void this.turns.run(() => this.saveAll());
    await this.settled();
  }

  get stats(): { entries: number; bytes: number; earlySeals: number } {
    const { entries, bytes, earlySeals } = this.table;
    return { entries, bytes, earlySeals };
  }

  /** Resolves when everything that was begun is done. */
  settled(): Promise<void> {
    return this.turns.settled();
  }

  private saveLater(): void {
    if (this.stopped) return;
    this.counts ??= this.options.clock.after(countsMs, () => {
      this.counts = undefined;
      void this.turns.run(() => this.saveAll());
    });
  }

  private saveFresh(): void {
    this.soon?.cancel();
    this.soon = undefined;
    if (this.savingFresh) return;
    this.savingFresh = true;
    void this.turns.run(async () => {
      this.savingFresh = false;
      const aggregates = [...this.fresh];
      if (!(await this.options.journal.save(aggregates))) {
        this.soon ??= this.options.clock.after(firstSightMs, () => this.saveFresh());
        return;
      }
      for (const aggregate of aggregates) this.fresh.delete(aggregate);
    });
  }

  private async saveAll(): Promise<void> {
    const { journal, isDurable } = this.options;
    if (await journal.save(this.table.open())) this.fresh.clear();
    if (this.deliveredIds.length === 0) return;
    if (isDurable() && (await journal.remove(this.deliveredIds))) this.deliveredIds = [];
    // What a crash would find open would be counted again.
    else this.saveLater();
  }

  private close(aggregate: Aggregate, endMs: number, sizeBytes: number): void {
    this.fresh.delete(aggregate);
    const { maxBytes, onDropped, journal } = this.options;
    if (this.closedBytes + sizeBytes > 2 * maxBytes) {
      onDropped(aggregate.name, aggregate.hitCount);
      if (journal.holds(aggregate.id)) this.removeLater([aggregate.id]);
      return;
    }
    this.closedBytes += sizeBytes;
    this.closed.push({ aggregate, endMs });
    this.handOnSoon();
  }

  /** What is closed while the disk is busy is handed on together: it then shares events, and writes of the disk. */
  private handOnSoon(): void {
    if (this.handingOn) return;
    this.handingOn = true;
    void this.turns.run(async () => {
      this.handingOn = false;
      const closed = this.closed;
      const bytes = this.closedBytes;
      this.closed = [];
      for (const batch of batchesOf(closed)) {
        await this.options.journal.seal(batch);
        await this.deliver(batch);
      }
      this.closedBytes -= bytes;
    });
  }

  private async deliver(batch: readonly Closed[]): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    const { outbox, queueOf, journal, isDurable } = this.options;
    const { name } = first.aggregate;
    await outbox.addSealed(
      queueOf(name),
      name,
      batch.map(({ aggregate, endMs }) => sealAggregate(aggregate, endMs)),
    );
    const ids = batch.map(({ aggregate }) => aggregate.id).filter((id) => journal.holds(id));
    if (!isDurable() || !(await journal.remove(ids))) this.removeLater(ids);
  }

  private removeLater(ids: readonly string[]): void {
    this.deliveredIds.push(...ids);
    this.saveLater();
  }
}

/** Neighbours of one event name. */
function batchesOf(closed: readonly Closed[]): Closed[][] {
  const batches: Closed[][] = [];
  for (const entry of closed) {
    const last = batches.at(-1);
    if (last?.[0]?.aggregate.name === entry.aggregate.name) last.push(entry);
    else batches.push([entry]);
  }
  return batches;
}
