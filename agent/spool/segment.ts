/**
 * One file of a journal and the index of its records. The bodies stay on disk.
 *
 * 1. Sequences in the index rise, so that a record is found by halving.
 * 2. What is forgotten stays in the columns, before `first`: the file holds it until the whole file goes.
 * 3. `sizeBytes` is the length of the file; the owner of the file keeps it so.
 */
export class Segment {
  /** Parallel arrays, because an object per event would cost several times the memory. */
  private readonly sequences: number[] = [];
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];
  private readonly walls: number[] = [];
  private readonly counts: number[] = [];
  /** Index of the first record that is not forgotten. */
  private first = 0;
  private liveBodyBytes = 0;
  /** Bytes of the file, whatever they hold. */
  sizeBytes = 0;

  constructor(readonly path: string) {}

  /** @param count how many things the record tells of */
  add(sequence: number, wallMs: number, offset: number, bodyBytes: number, count: number): void {
    this.sequences.push(sequence);
    this.walls.push(wallMs);
    this.offsets.push(offset);
    this.lengths.push(bodyBytes);
    this.counts.push(count);
    this.liveBodyBytes += bodyBytes;
  }

  /** Records that are not forgotten. */
  get count(): number {
    return this.sequences.length - this.first;
  }

  /** How many things the records tell of that are not forgotten. */
  get toldCount(): number {
    return this.counts.slice(this.first).reduce((sum, count) => sum + count, 0);
  }

  /** Bytes of the bodies of the records that are not forgotten. */
  get bodyBytes(): number {
    return this.liveBodyBytes;
  }

  get oldestSequence(): number | undefined {
    return this.sequences[this.first];
  }

  get oldestWallMs(): number | undefined {
    return this.walls[this.first];
  }

  get lastSequence(): number {
    return this.sequences.at(-1) ?? 0;
  }

  forget(throughSequence: number): void {
    for (; (this.sequences[this.first] ?? Infinity) <= throughSequence; this.first++)
      this.liveBodyBytes -= this.lengths[this.first] ?? 0;
  }

  /** Takes one record out of the index; answers how many things it told of, 0 when it is not in it. */
  remove(sequence: number): number {
    const index = this.sequences.indexOf(sequence, this.first);
    if (index < 0) return 0;
    const count = this.counts[index] ?? 1;
    this.liveBodyBytes -= this.lengths[index] ?? 0;
    for (const column of [this.sequences, this.walls, this.offsets, this.lengths, this.counts])
      column.splice(index, 1);
    return count;
  }

  /** The record from which on to keep, so that at least `freedBytes` before it go; undefined when none is left. */
  newest(freedBytes: number): Entry | undefined {
    for (const entry of this.after(0)) if (entry.offset >= freedBytes) return entry;
    return undefined;
  }

  /** Index entries of the records after `sequence` that are not forgotten, oldest first. */
  *after(sequence: number): Generator<Entry> {
    let low = this.first;
    let high = this.sequences.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.sequences[middle] ?? 0) <= sequence) low = middle + 1;
      else high = middle;
    }
    for (; low < this.sequences.length; low++)
      yield {
        sequence: this.sequences[low] ?? 0,
        wallMs: this.walls[low] ?? 0,
        offset: this.offsets[low] ?? 0,
        bodyBytes: this.lengths[low] ?? 0,
        count: this.counts[low] ?? 1,
      };
  }
}

export interface Entry {
  readonly sequence: number;
  readonly wallMs: number;
  readonly offset: number;
  readonly bodyBytes: number;
  readonly count: number;
}
