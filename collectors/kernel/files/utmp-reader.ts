import type { ByteOrder } from '../byte-order.js';
import {
  looksLikeUtmp,
  parseUtmp,
  utmpFieldBytes,
  type UtmpLayout,
  utmpLayouts,
  type UtmpRecord,
} from './utmp.js';

interface UtmpReaderOptions {
  /** That of the device; files of the other one are read as well. */
  readonly byteOrder: ByteOrder;
  readonly onRecord: (record: UtmpRecord) => void;
  /** So many records, or what is left of them, cannot be read: at least one for each gap. */
  readonly onGap: (records: number) => void;
}

interface Form {
  readonly layout: UtmpLayout;
  readonly byteOrder: ByteOrder;
}

/**
 * Finds the records in the bytes of wtmp or btmp, in whatever pieces the bytes come.
 *
 * 1. The layout and the byte order of each record are those that its bytes have: programs of several kinds may write the
 *    same file.
 * 2. After bytes that are no record the next whole record is found again, wherever it begins, and the gap is counted.
 * 3. A record that stands there twice, byte for byte, is one.
 */
export class UtmpReader {
  private pending = Buffer.alloc(0);
  private gapBytes = 0;
  private countedGaps = 0;
  private readonly recent: Buffer[] = [];
  private readonly forms: readonly Form[];
  private longSizeBytes: number = utmpLayouts.wide.sizeBytes;

  constructor(private readonly options: UtmpReaderOptions) {
    const { byteOrder } = options;
    const orders = [byteOrder, byteOrder === 'LE' ? 'BE' : 'LE'] as const;
    // Local records of the compact layout look like wide ones of 1970, but not the other way round.
    this.forms = orders.flatMap((order) =>
      [utmpLayouts.compact, utmpLayouts.wide].map((layout) => ({ layout, byteOrder: order })),
    );
  }

  push(bytes: Buffer): void {
    const all = Buffer.concat([this.pending, bytes]);
    let at = 0;
    while (all.length - at >= smallestBytes) {
      const form = this.formAt(all, at);
      if (form === undefined) {
        this.gapBytes++;
        at++;
        continue;
      }
      const sizeBytes = form.layout.isWide ? this.sizeOfLong(all, at, form) : form.layout.sizeBytes;
      if (all.length - at < sizeBytes) break;
      this.countGap();
      this.gapBytes = 0;
      this.countedGaps = 0;
      this.take(all.subarray(at, at + sizeBytes), form);
      at += sizeBytes;
    }
    this.countGap();
    this.pending = Buffer.from(all.subarray(at));
  }

  /** The file ends here; whatever comes next is another. */
  end(): void {
    this.gapBytes += this.pending.length;
    this.countGap();
    this.gapBytes = 0;
    this.countedGaps = 0;
    this.pending = Buffer.alloc(0);
    this.recent.length = 0;
  }

  private take(bytes: Buffer, { layout, byteOrder }: Form): void {
    if (this.recent.some((known) => known.equals(bytes))) return;
    this.recent.push(Buffer.from(bytes));
    if (this.recent.length > mostRecent) this.recent.shift();
    const record = parseUtmp(bytes, layout, byteOrder);
    if (record !== undefined) this.options.onRecord(record);
  }

  /**
   * The form of the record at a place: never one within which another begins without doubt, because then it is damaged.
   * Where a record is expected, one whose writer did not clear what he left unused is taken as well.
   */
  private formAt(all: Buffer, at: number): Form | undefined {
    const sure = this.formOf(all, at, true);
    const form = sure ?? (this.gapBytes > 0 ? undefined : this.formOf(all, at, false));
    if (form === undefined) return undefined;
    if (sure !== undefined && this.isFollowed(all, at + sure.layout.sizeBytes)) return sure;
    const last = Math.min(at + form.layout.sizeBytes, all.length - smallestBytes + 1);
    for (let later = at + 1; later < last; later++) {
      if (form.layout.isWide && later === at + utmpLayouts.packed.sizeBytes) continue;
      if (this.formOf(all, later, true) !== undefined) return undefined;
    }
    return form;
  }

  private isFollowed(all: Buffer, next: number): boolean {
    if (all.length < next + utmpFieldBytes) return all.length === next;
    return this.formOf(all, next, true) !== undefined;
  }

  private formOf(all: Buffer, at: number, strictly: boolean): Form | undefined {
    // Most bytes of a gap begin no record: a type has one small byte, and only EMPTY has none.
    const typeBits = (all[at] ?? 0) | (all[at + 1] ?? 0);
    if (typeBits > 15 || (strictly && typeBits === 0)) return undefined;
    const bytes = all.subarray(at, at + utmpFieldBytes);
    return this.forms.find(({ layout, byteOrder }) =>
      looksLikeUtmp(bytes, layout, byteOrder, strictly),
    );
  }

  /** The two long layouts differ in what fills their end: what follows tells them apart, else the last one does. */
  private sizeOfLong(all: Buffer, at: number, { byteOrder }: Form): number {
    const { wide, packed } = utmpLayouts;
    for (const { sizeBytes } of [wide, packed]) {
      const next = at + sizeBytes;
      const isLast = all.length === next;
      const isFollowed =
        all.length >= next + utmpFieldBytes &&
        looksLikeUtmp(all.subarray(next, next + utmpFieldBytes), wide, byteOrder, true);
      if (isLast || isFollowed) this.longSizeBytes = sizeBytes;
      if (isLast || isFollowed) break;
    }
    return this.longSizeBytes;
  }

  private countGap(): void {
    if (this.gapBytes === 0) return;
    const records = Math.max(1, Math.round(this.gapBytes / smallestBytes));
    if (records > this.countedGaps) this.options.onGap(records - this.countedGaps);
    this.countedGaps = Math.max(this.countedGaps, records);
  }
}

const smallestBytes = utmpLayouts.compact.sizeBytes;
/** Two programs that write the same record twice may do so in turns. */
const mostRecent = 8;
