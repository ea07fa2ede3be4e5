/**
 * A first-in-first-out journal: a chain of segment files, each a run of records (records.ts).
 *
 * 1. A record that `append` resolved for survives the end of the process and of the power.
 * 2. A torn or flipped record costs that record only; what stands before and behind it is still read.
 * 3. Nothing that files contain makes `open`, `read` or `append` fail or loop.
 * 4. A file that was found at the start is never appended to, so old damage cannot reach new records.
 * 5. After a failed write or fsync nothing more is written to that file: what of it reached the disk is unknown
 *    (fsync(2), ERRORS), so its unsynced part is cut off and the records are written again elsewhere.
 * 6. Sequences are given by the owner, rising; a record that occurs twice on disk is read once.
 * 7. Memory holds five numbers per record, and bodies only while they are read or written.
 *
 * The owner runs one operation at a time.
 */
import type { SpoolFile, SpoolFiles } from './files.js';
import { encodeRecord, recordBytes, type RecordToWrite } from './records.js';
import { recoverSegments, type KnownSequences } from './recovery.js';
import { readRecords, type RecordsRead } from './segment-reading.js';
import {
  copyNewer,
  createSegmentFile,
  discard,
  ignore,
  segmentPath,
  unlinkIfThere,
  writeAll,
} from './segment-files.js';
import { Segment, type Entry } from './segment.js';

export interface JournalOptions {
  readonly files: SpoolFiles;
  readonly directory: string;
  /** First part of the file names: small letters. */
  readonly name: string;
  readonly known?: KnownSequences | undefined;
  readonly segmentBytes: number;
}

interface JournalRecovery {
  readonly missing: number;
  readonly tornEnds: number;
  readonly quarantinedFiles: number;
}

/** Takes what is about to be dropped; never rejects. */
export type Salvage = (bodies: readonly Buffer[]) => Promise<void>;

/** So much of it is in memory at a time. */
const salvagedBytes = 256 * 1024;

interface Active {
  readonly segment: Segment;
  readonly file: SpoolFile;
}

export class Journal {
  /** Later segments take this size; a record is never split, so a segment holds at least one. */
  segmentBytes: number;
  private active: Active | undefined;
  /** Up to here a sequence may stand on disk with a content that its owner never learned to be there. */
  private burnt = 0;

  private constructor(
    private readonly files: SpoolFiles,
    private readonly directory: string,
    private readonly name: string,
    private readonly segments: Segment[],
    private last: number,
    segmentBytes: number,
  ) {
    this.segmentBytes = segmentBytes;
  }

  static async open(
    options: JournalOptions,
  ): Promise<{ journal: Journal; recovery: JournalRecovery }> {
    const { files, directory, name, known, segmentBytes } = options;
    const found = await recoverSegments(files, directory, name, known);
    const { lastSequence } = found;
    const segments = [...found.segments];
    return {
      journal: new Journal(files, directory, name, segments, lastSequence, segmentBytes),
      recovery: found,
    };
  }

  /** The highest sequence that was ever written or forgotten. */
  get lastSequence(): number {
    return this.last;
  }

  /**
   * The first sequence that no file can hold already. An owner who writes other content after a failed append counts
   * on from here, because of two records with one sequence the older one is read.
   */
  get unusedSequence(): number {
    return Math.max(this.last, this.burnt) + 1;
  }

  /** Bytes of all files, with framing and with what is forgotten but not freed. */
  get sizeBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  get fileCount(): number {
    return this.segments.length;
  }

  get count(): number {
    return this.segments.reduce((sum, segment) => sum + segment.count, 0);
  }

  get bodyBytes(): number {
    return this.segments.reduce((sum, segment) => sum + segment.bodyBytes, 0);
  }

  /** The sequence of the oldest record; the next one to come when there is none. */
  get oldestSequence(): number {
    const segment = this.segments.find(({ count }) => count > 0);
    return segment?.oldestSequence ?? this.last + 1;
  }

  get oldestWallMs(): number | undefined {
    return this.segments.find((segment) => segment.count > 0)?.oldestWallMs;
  }

  /**
   * Writes records and makes them last. On an error, `lastSequence` tells up to which one that succeeded; the
   * rest is to be given again.
   */
  async append(records: readonly RecordToWrite[]): Promise<void> {
    let start = 0;
    while (start < records.length) {
      const active = await this.openActive(records[start]?.sequence ?? 0);
      const encoded: Buffer[] = [];
      let roomBytes = this.segmentBytes - active.segment.sizeBytes;
      let end = start;
      for (let record = records[end]; record !== undefined; record = records[++end]) {
        const sizeBytes = recordBytes(record.body.length);
        if (sizeBytes > roomBytes && (end > start || active.segment.sizeBytes > 0)) break;
        encoded.push(encodeRecord(record));
        roomBytes -= sizeBytes;
      }
      if (encoded.length > 0) await this.writeGroup(active, records.slice(start, end), encoded);
      if (end < records.length) await this.closeActive();
      start = end;
    }
  }

  private async writeGroup(
    { segment, file }: Active,
    records: readonly RecordToWrite[],
    encoded: readonly Buffer[],
  ): Promise<void> {
    try {
      await writeAll(file, Buffer.concat(encoded), segment.sizeBytes);
      await file.sync();
    } catch (error) {
      await this.abandonActive(records.at(-1)?.sequence ?? 0);
      throw error;
    }
    for (const [index, { sequence, wallMs, body, count = 1 }] of records.entries()) {
      segment.add(sequence, wallMs, segment.sizeBytes, body.length, count);
      segment.sizeBytes += encoded[index]?.length ?? 0;
      this.last = Math.max(this.last, sequence);
    }
  }

  private async openActive(firstSequence: number): Promise<Active> {
    if (this.active !== undefined) return this.active;
    const segment = new Segment(segmentPath(this.directory, this.name, firstSequence));
    const file = await createSegmentFile(this.files, this.directory, segment.path);
    this.segments.push(segment);
    return (this.active = { segment, file });
  }

  private async closeActive(): Promise<void> {
    const active = this.active;
    this.active = undefined;
    await active?.file.close().catch(ignore);
  }

  private async abandonActive(attempted: number): Promise<void> {
    const active = this.active;
    if (active === undefined) return;
    const { segment, file } = active;
    await file.truncate(segment.sizeBytes).catch(() => {
      this.burnt = Math.max(this.burnt, attempted);
    });
    await this.closeActive();
    if (segment.sizeBytes > 0) return;
    this.segments.splice(this.segments.indexOf(segment), 1);
    await discard(this.files, segment.path);
  }

  /** The oldest records after `afterSequence`: at least one, else as many as fit into both bounds. */
  read(afterSequence: number, maxBytes: number, maxCount: number): Promise<RecordsRead> {
    return readRecords(this.files, this.segments, afterSequence, { maxBytes, maxCount });
  }

  /** No longer gives records up to `throughSequence`; `free` gives their space back. */
  forget(throughSequence: number): void {
    this.last = Math.max(this.last, throughSequence);
    for (const segment of this.segments) segment.forget(throughSequence);
  }

  /**
   * Unlinks segments of which everything is forgotten. The one being written to stays, to be filled further,
   * unless `withActive`. Resolves to the bytes freed; fails when a file cannot be unlinked.
   */
  async free(withActive: boolean): Promise<number> {
    let freedBytes = 0;
    for (const segment of [...this.segments]) {
      const isActive = segment === this.active?.segment;
      if (segment.count > 0) break;
      if (isActive && !withActive && segment.sizeBytes < this.segmentBytes) break;
      freedBytes += await this.drop(segment);
    }
    if (freedBytes > 0) await this.files.syncDirectory(this.directory);
    return freedBytes;
  }

  /**
   * Drops the oldest records to free `neededBytes`: the oldest segment, or only the older part of it when it is
   * larger than segments are now. Resolves to how many things the records told of that this cost.
   * @param salvage is given their bodies before they go, a part at a time
   */
  async dropOldest(neededBytes: number, salvage?: Salvage): Promise<number> {
    const segment = this.segments[0];
    if (segment === undefined) return 0;
    const from =
      segment.sizeBytes > 2 * this.segmentBytes ? segment.newest(neededBytes) : undefined;
    const kept = from === undefined ? undefined : await this.newerPart(segment, from);
    const end = kept === undefined ? Infinity : (from?.sequence ?? Infinity);
    const unreadable = salvage === undefined ? 0 : await this.salvage(segment, end, salvage);
    try {
      await this.drop(segment);
    } catch (error) {
      if (kept !== undefined) await discard(this.files, kept.path);
      throw error;
    }
    this.last = Math.max(this.last, segment.lastSequence);
    if (kept !== undefined) this.segments.unshift(kept);
    // An unlink that does not last gives dropped records back: no reason to leave the drop uncounted.
    await this.files.syncDirectory(this.directory).catch(ignore);
    return segment.toldCount + unreadable - (kept?.toldCount ?? 0);
  }

  /** Resolves to how many things those told of that could not be read, which are no longer indexed. */
  private async salvage(segment: Segment, end: number, salvage: Salvage): Promise<number> {
    const bounds = { maxBytes: salvagedBytes, maxCount: Infinity };
    let unreadable = 0;
    for (let after = 0; ;) {
      const { records, lost } = await readRecords(this.files, [segment], after, bounds);
      unreadable += lost;
      const bodies = records.filter(({ sequence }) => sequence < end).map(({ body }) => body);
      if (bodies.length === 0) return unreadable;
      await salvage(bodies);
      after = records.at(-1)?.sequence ?? end;
    }
  }

  private async newerPart(segment: Segment, from: Entry): Promise<Segment | undefined> {
    const path = segmentPath(this.directory, this.name, from.sequence);
    // Records that were written twice can stand in the middle of one segment and at the start of the next.
    if (this.segments.some((other) => other.path === path)) return undefined;
    return copyNewer(this.files, segment, from, path);
  }

  /** Takes back whole segments of which everything is newer than `sequence`, as far as the disk allows it. */
  async dropAfter(sequence: number): Promise<void> {
    this.burnt = Math.max(this.burnt, this.last);
    for (const segment of [...this.segments].reverse()) {
      if ((segment.oldestSequence ?? 0) <= sequence) break;
      await this.drop(segment).catch(ignore);
    }
  }

  private async drop(segment: Segment): Promise<number> {
    if (segment === this.active?.segment) await this.closeActive();
    await unlinkIfThere(this.files, segment.path);
    this.segments.splice(this.segments.indexOf(segment), 1);
    return segment.sizeBytes;
  }

  async close(): Promise<void> {
    await this.closeActive();
  }
}
