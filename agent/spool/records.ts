import { crc32 } from 'node:zlib';

/**
 * The record on disk, little-endian:
 *
 *     magic 4 | size 4 | sequence 6 | wall clock ms 6 | CRC-32 of the body 4 | CRC-32 of the header so far 4 | body
 *
 * The lower 21 bits of the size are the length of the body, the upper 11 how many things the body tells of (0 and 1 both
 * mean one, 2047 that many or more): what a loss of the record counts.
 *
 * The magic holds two bytes that never occur in UTF-8 (RFC 3629 §1). Bodies are UTF-8, so no event, however it was
 * made, can contain something that looks like a record.
 */
const magic = Buffer.from([0xff, 0x4a, 0x52, 0xf8]);

/** What the journal adds to each body. */
export const headerBytes = 28;
export const maxBodyBytes = 1024 * 1024;
const lengthBits = 21;
const mostCounted = 2 ** (32 - lengthBits) - 1;
const maxUint48 = 0xffff_ffff_ffff;
/** Far more than any device gives out, and far enough from the end of the field: what is above it was never written. */
export const maxSequence = 0x7fff_ffff_ffff;

export interface RecordToWrite {
  readonly sequence: number;
  readonly wallMs: number;
  readonly body: Uint8Array;
  /** How many things the body tells of; one when absent. */
  readonly count?: number;
}

/** Where a record lies in the bytes of its segment. */
interface FoundRecord {
  readonly sequence: number;
  readonly wallMs: number;
  /** Of the header. */
  readonly offset: number;
  readonly bodyBytes: number;
  /** How many things the body tells of. */
  readonly count: number;
  /** False when the header is good and the body is not, or not all there. */
  readonly intact: boolean;
}

export interface Scan {
  readonly records: readonly FoundRecord[];
  /** Where the last record with a good header ends, as far as the file goes. */
  readonly endBytes: number;
}

/** Bytes on disk of a record with a body of so many bytes. */
export function recordBytes(bodyBytes: number): number {
  return headerBytes + bodyBytes;
}

export function encodeRecord({ sequence, wallMs, body, count = 1 }: RecordToWrite): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + body.length);
  magic.copy(bytes);
  bytes.writeUInt32LE(Math.min(count, mostCounted) * 2 ** lengthBits + body.length, 4);
  bytes.writeUIntLE(sequence, 8, 6);
  bytes.writeUIntLE(Math.min(Math.max(Math.trunc(wallMs), 0), maxUint48), 14, 6);
  bytes.writeUInt32LE(crc32(body), 20);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 24)), 24);
  bytes.set(body, headerBytes);
  return bytes;
}

/** Reads the record at `offset`; undefined when its header is not whole. */
export function recordAt(bytes: Buffer, offset: number): FoundRecord | undefined {
  if (offset + headerBytes > bytes.length) return undefined;
  const header = bytes.subarray(offset, offset + headerBytes);
  if (!header.subarray(0, 4).equals(magic)) return undefined;
  if (header.readUInt32LE(24) !== crc32(header.subarray(0, 24))) return undefined;
  const sequence = header.readUIntLE(8, 6);
  if (sequence > maxSequence) return undefined;
  const size = header.readUInt32LE(4);
  const bodyBytes = size % 2 ** lengthBits;
  const body = bytes.subarray(offset + headerBytes, offset + headerBytes + bodyBytes);
  return {
    sequence,
    wallMs: header.readUIntLE(14, 6),
    offset,
    bodyBytes,
    count: Math.max(1, Math.floor(size / 2 ** lengthBits)),
    intact: body.length === bodyBytes && header.readUInt32LE(20) === crc32(body),
  };
}

/** The body of a record found in the same bytes. */
export function bodyOf(bytes: Buffer, { offset, bodyBytes }: FoundRecord): Buffer {
  return bytes.subarray(offset + headerBytes, offset + headerBytes + bodyBytes);
}

/**
 * Finds every record of a segment. After a bad body it goes on behind it, because the length is covered by the
 * header's checksum; after a bad header it searches the next place that has a good one.
 */
export function scanRecords(bytes: Buffer): Scan {
  const records: FoundRecord[] = [];
  let offset = 0;
  let end = 0;
  while (offset < bytes.length) {
    const record = recordAt(bytes, offset);
    if (record !== undefined) {
      records.push(record);
      offset += headerBytes + record.bodyBytes;
      end = offset;
      continue;
    }
    const next = bytes.indexOf(magic, offset + 1);
    if (next < 0) break;
    offset = next;
  }
  return { records, endBytes: Math.min(end, bytes.length) };
}
