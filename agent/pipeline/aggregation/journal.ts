/**
 * The journal of the aggregates: keeps what is open, or closed and not handed on, over restarts.
 *
 * 1. After `save` resolves to true, the identities and counts it was given are there after a crash.
 * 2. A sealed aggregate is written as sealed before it goes to the spool and removed after the spool has it. After a
 *    crash in between it is given back as sealed, with the same id and content: at worst a recognisable duplicate,
 *    never counted further.
 * 3. The files take at most twice what the live aggregates take, plus a constant.
 * 4. Nothing that the files contain, and no refusing disk, makes a call fail; what could not be written is written by
 *    the next call.
 *
 * The owner runs one operation at a time.
 */
import { reasonOf } from '../../../base/errors.js';
import { openDirectory } from '../../spool/directory.js';
import { systemFiles, type SpoolFiles } from '../../spool/files.js';
import { Journal } from '../../spool/journal.js';
import { recordBytes } from '../../spool/records.js';
import type { CountSpoolLoss } from '../../spool/types.js';
import { hitsOf, parseAggregateRecord, type AggregateRecord } from './records.js';
import type { Aggregate } from './aggregate.js';

const segmentBytes = 256 * 1024;
/** Garbage below this is not worth a rewrite. */
const tolerableGarbageBytes = 64 * 1024;

interface Known {
  readonly aggregate: Aggregate;
  readonly sizeBytes: number;
  savedHitCount: number;
  savedDetails: Aggregate['extraDetails'];
  sealed?: Sealing;
}

interface Sealing {
  readonly endMs: number;
  readonly batch: number;
}

/** A closed aggregate, and when its window ended: wall clock, ms since the epoch. */
export interface Closed {
  readonly aggregate: Aggregate;
  readonly endMs: number;
}

interface AggregationJournalOptions {
  readonly directory: string;
  readonly files?: SpoolFiles;
  readonly lose: CountSpoolLoss;
}

export class AggregationJournal {
  private liveBytes = 0;
  private problemText: string | undefined;

  private constructor(
    private readonly files: SpoolFiles,
    private readonly directory: string,
    private readonly journal: Journal,
    private readonly known: Map<string, Known>,
    private nextBatch: number,
  ) {
    for (const { sizeBytes } of known.values()) this.liveBytes += sizeBytes;
  }

  /** Never fails. */
  static async open(options: AggregationJournalOptions): Promise<AggregationJournal> {
    const { directory, lose } = options;
    const place = await openDirectory(options.files ?? systemFiles, directory);
    const { files } = place;
    const from = { files, directory, name: 'aggregates', segmentBytes };
    const { journal, recovery } = await Journal.open(from);
    const known = new Map<string, Known>();
    // How many aggregates went with a directory that could not be entered nobody knows: one at least.
    let lost = recovery.missing + recovery.tornEnds + (place.wasPutAside ? 1 : 0);
    let nextBatch = 1;
    let seen = 0;
    for (let after = 0; ;) {
      const { records, lost: unreadable } = await journal.read(after, segmentBytes, Infinity);
      lost += unreadable;
      seen += records.length;
      if (records.length === 0) break;
      for (const { sequence, body } of records) {
        after = sequence;
        const record = parseAggregateRecord(body.toString('utf8'));
        if (record === undefined) lost++;
        else replay(known, record);
        if (record?.kind === 'seal') nextBatch = Math.max(nextBatch, record.batch + 1);
      }
    }
    lost += journal.count - seen;
    if (lost > 0) lose('spoolCorrupt', lost);
    const opened = new AggregationJournal(files, directory, journal, known, nextBatch);
    if (lost > 0) await opened.attempt(() => opened.compact());
    return opened;
  }

  /** Why the disk did not take the last write; undefined when it did. */
  get problem(): string | undefined {
    return this.problemText;
  }

  /** What was open when the agent last ran. */
  openAggregates(): Aggregate[] {
    return [...this.known.values()].flatMap(({ aggregate, sealed }) => (sealed ? [] : aggregate));
  }

  /** What was sealed and may or may not have reached the spool, in the order of sealing. */
  sealedBatches(): Closed[][] {
    const batches = new Map<number, Closed[]>();
    for (const { aggregate, sealed } of this.known.values()) {
      if (sealed === undefined) continue;
      const batch = batches.get(sealed.batch) ?? [];
      batches.set(sealed.batch, batch);
      batch.push({ aggregate, endMs: sealed.endMs });
    }
    return [...batches].sort(([a], [b]) => a - b).map(([, batch]) => batch);
  }

  /** Writes the aggregates that are new or have changed; resolves to whether all of them are on disk. */
  save(aggregates: Iterable<Aggregate>): Promise<boolean> {
    return this.attempt(async () => {
      await this.write([...aggregates].flatMap((aggregate) => this.changes(aggregate)));
      await this.tidy();
    });
  }

  /** Writes that these were sealed together, with their final counts, in this order. */
  seal(closed: readonly Closed[]): Promise<boolean> {
    const batch = this.nextBatch++;
    return this.attempt(async () => {
      const records: AggregateRecord[] = closed.flatMap(({ aggregate, endMs }) => [
        ...this.changes(aggregate),
        { kind: 'seal', id: aggregate.id, endMs, batch },
      ]);
      await this.write(records);
    });
  }

  /** Whether the disk holds something of the aggregate. */
  holds(id: string): boolean {
    return this.known.has(id);
  }

  /** Forgets aggregates that are in the spool. */
  remove(ids: readonly string[]): Promise<boolean> {
    return this.attempt(async () => {
      const known = ids.filter((id) => this.known.has(id));
      if (known.length > 0) await this.write([{ kind: 'gone', ids: known }]);
      await this.tidy();
    });
  }

  async close(): Promise<void> {
    await this.journal.close();
  }

  private async attempt(operation: () => Promise<void>): Promise<boolean> {
    try {
      await operation();
      this.problemText = undefined;
      return true;
    } catch (error) {
      this.problemText = reasonOf(error);
      // Somebody may have removed it, or there was no room for it at the start.
      await openDirectory(this.files, this.directory);
      return false;
    }
  }

  private changes(aggregate: Aggregate): AggregateRecord[] {
    const known = this.known.get(aggregate.id);
    if (known === undefined) return [{ kind: 'open', aggregate }];
    const { hitCount, extraDetails } = aggregate;
    if (known.savedHitCount === hitCount && known.savedDetails === extraDetails) return [];
    return [{ kind: 'hits', id: aggregate.id, ...hitsOf(aggregate) }];
  }

  private async write(records: readonly AggregateRecord[]): Promise<void> {
    if (records.length === 0) return;
    // Taken now: an aggregate may count on while it is written.
    const texts = records.map((record) => Buffer.from(JSON.stringify(record), 'utf8'));
    const states = records.map((record) => stateOf(record));
    let sequence = this.journal.unusedSequence;
    await this.journal.append(texts.map((body) => ({ sequence: sequence++, wallMs: 0, body })));
    for (const [index, record] of records.entries()) {
      if (record.kind === 'open') {
        const sizeBytes = recordBytes(texts[index]?.length ?? 0);
        this.forget(record.aggregate.id);
        this.known.set(record.aggregate.id, {
          aggregate: record.aggregate,
          sizeBytes,
          savedHitCount: 0,
          savedDetails: {},
        });
        this.liveBytes += sizeBytes;
      }
      if (record.kind === 'seal') {
        const known = this.known.get(record.id);
        if (known !== undefined) markSealed(this.known, known, record);
      }
      if (record.kind === 'gone') for (const id of record.ids) this.forget(id);
      const state = states[index];
      const known = state === undefined ? undefined : this.known.get(state.id);
      if (state === undefined || known === undefined) continue;
      known.savedHitCount = state.hitCount;
      known.savedDetails = state.extraDetails;
    }
  }

  private forget(id: string): void {
    this.liveBytes -= this.known.get(id)?.sizeBytes ?? 0;
    this.known.delete(id);
  }

  private async tidy(): Promise<void> {
    if (this.journal.sizeBytes > 2 * this.liveBytes + tolerableGarbageBytes) await this.compact();
  }

  /** Writes what lives into new files and unlinks the old ones. A crash in between leaves both, which says the same. */
  private async compact(): Promise<void> {
    await this.journal.close();
    const { lastSequence } = this.journal;
    const live = [...this.known.values()];
    try {
      await this.write(
        live.flatMap(({ aggregate, sealed }): AggregateRecord[] => [
          { kind: 'open', aggregate },
          ...(sealed === undefined ? [] : [{ kind: 'seal' as const, id: aggregate.id, ...sealed }]),
        ]),
      );
    } catch (error) {
      // Half a copy is of no use, and on a full disk in the way.
      await this.journal.dropAfter(lastSequence);
      throw error;
    }
    this.journal.forget(lastSequence);
    await this.journal.free(false);
  }
}

/** The map keeps sealed aggregates in the order of sealing, because that is the order of their common event. */
function markSealed(known: Map<string, Known>, entry: Known, { endMs, batch }: Sealing): void {
  known.delete(entry.aggregate.id);
  known.set(entry.aggregate.id, { ...entry, sealed: { endMs, batch } });
}

interface State {
  readonly id: string;
  readonly hitCount: number;
  readonly extraDetails: Aggregate['extraDetails'];
}

/** What a record says about the counts of an aggregate at this moment. */
function stateOf(record: AggregateRecord): State | undefined {
  switch (record.kind) {
    case 'open': {
      const { id, hitCount, extraDetails } = record.aggregate;
      return { id, hitCount, extraDetails };
    }
    case 'hits':
      return { id: record.id, hitCount: record.hitCount, extraDetails: record.extraDetails };
    case 'seal':
    case 'gone':
      return undefined;
  }
}

function replay(known: Map<string, Known>, record: AggregateRecord): void {
  switch (record.kind) {
    case 'open': {
      const { aggregate } = record;
      const { id, hitCount, extraDetails } = aggregate;
      const sizeBytes = recordBytes(Buffer.byteLength(JSON.stringify(record)));
      const saved = { savedHitCount: hitCount, savedDetails: extraDetails };
      known.set(id, { aggregate, sizeBytes, ...saved });
      return;
    }
    case 'hits': {
      const entry = known.get(record.id);
      if (entry === undefined) return;
      const { hitCount, extraDetails } = record;
      Object.assign(entry.aggregate, hitsOf(record));
      entry.savedHitCount = hitCount;
      entry.savedDetails = extraDetails;
      return;
    }
    case 'seal': {
      const entry = known.get(record.id);
      if (entry !== undefined) markSealed(known, entry, record);
      return;
    }
    case 'gone':
      for (const id of record.ids) known.delete(id);
  }
}
