/**
 * The pages of the kernel's trace ring buffer as `per_cpu/cpuN/trace_pipe_raw` gives them
 * (`include/linux/ring_buffer.h`, `kernel/trace/ring_buffer.c`). Unlike the text of `trace_pipe` they hold nothing that
 * a program chose, such as its name, and they identify the socket.
 */

import type { ByteOrder } from '../byte-order.js';

interface PageLayout {
  readonly commitAt: number;
  /** As wide as a `long` of the kernel. */
  readonly commitBytes: number;
  readonly dataAt: number;
  readonly pageBytes: number;
}

interface TraceField {
  readonly at: number;
  readonly sizeBytes: number;
}

/** Where the fields of one kind of event are; they differ between kernels. */
export interface EventFormat {
  readonly id: number;
  readonly fields: ReadonlyMap<string, TraceField>;
}

const fieldLine = /\bfield:([^;]{1,200});\s*offset:(\d{1,6});\s*size:(\d{1,6});/gu;

function parseFieldLines(text: string): Map<string, TraceField> {
  const fields = new Map<string, TraceField>();
  for (const [, declaration = '', at, sizeBytes] of text.matchAll(fieldLine)) {
    const name = /(\w+)(?:\[\w*\])?$/u.exec(declaration.trim())?.[1];
    if (name !== undefined) fields.set(name, { at: Number(at), sizeBytes: Number(sizeBytes) });
  }
  return fields;
}

/** `events/header_page`; undefined when it is none that a kernel writes. */
export function parsePageLayout(text: string): PageLayout | undefined {
  const fields = parseFieldLines(text);
  const [commit, data] = [fields.get('commit'), fields.get('data')];
  if (commit === undefined || data === undefined) return undefined;
  if (commit.sizeBytes !== 4 && commit.sizeBytes !== 8) return undefined;
  const pageBytes = data.at + data.sizeBytes;
  if (commit.at < 8 || commit.at + commit.sizeBytes > data.at || pageBytes < 64) return undefined;
  return { commitAt: commit.at, commitBytes: commit.sizeBytes, dataAt: data.at, pageBytes };
}

/** `events/SYSTEM/EVENT/format`; undefined when it is none that a kernel writes. */
export function parseEventFormat(text: string): EventFormat | undefined {
  const id = /^ID: (\d{1,5})$/mu.exec(text)?.[1];
  const fields = parseFieldLines(text);
  return id === undefined || fields.size === 0 ? undefined : { id: Number(id), fields };
}

interface PageResult {
  /** Events that were overwritten before this page; 1 when the kernel does not say how many. */
  readonly lost: number;
  /** What followed could not be read. */
  readonly malformed: boolean;
}

const lostFlag = 0x8000_0000;
const lostStoredFlag = 0x4000_0000;
const longestInlineType = 28;
const padding = 29;
const timeExtend = 30;
const timeStamp = 31;
const deltaUnit = 2 ** 27;

/**
 * Gives every record of a page with its time, in nanoseconds of the trace clock. Never throws; the bytes are valid
 * during the callback only.
 */
export function readPage(
  page: Buffer,
  layout: PageLayout,
  byteOrder: ByteOrder,
  onRecord: (timeNs: number, record: Buffer) => void,
): PageResult {
  const little = byteOrder === 'LE';
  const u32 = (at: number): number => (little ? page.readUInt32LE(at) : page.readUInt32BE(at));
  const { commitAt, commitBytes, dataAt } = layout;
  if (page.length < dataAt) return { lost: 0, malformed: true };
  let timeNs = Number(little ? page.readBigUInt64LE(0) : page.readBigUInt64BE(0));
  // The flags stand in the low 32 bits also where the field has 64.
  const commit = u32(!little && commitBytes === 8 ? commitAt + 4 : commitAt);
  const end = dataAt + (commit & 0x3fff_ffff);
  if (end > page.length) return { lost: 0, malformed: true };
  let lost = 0;
  if ((commit & lostFlag) !== 0) {
    const stored = (commit & lostStoredFlag) !== 0 && end + commitBytes <= page.length;
    lost = stored ? Math.max(1, u32(!little && commitBytes === 8 ? end + 4 : end)) : 1;
  }
  let at = dataAt;
  while (at + 4 <= end) {
    const header = u32(at);
    const type = little ? header & 31 : header >>> 27;
    const delta = little ? header >>> 5 : header & (deltaUnit - 1);
    at += 4;
    if (type >= 1 && type <= longestInlineType) {
      timeNs += delta;
      if (at + type * 4 > end) return { lost, malformed: true };
      onRecord(timeNs, page.subarray(at, at + type * 4));
      at += type * 4;
      continue;
    }
    if (type === padding && delta === 0) return { lost, malformed: false };
    if (at + 4 > end) return { lost, malformed: true };
    const word = u32(at);
    if (type === timeExtend) {
      timeNs += word * deltaUnit + delta;
      at += 4;
    } else if (type === timeStamp) {
      timeNs = word * deltaUnit + delta;
      at += 4;
    } else {
      // A discarded or a long record: its length follows and counts itself.
      if (word < 4 || at + word > end) return { lost, malformed: true };
      timeNs += delta;
      if (type !== padding) onRecord(timeNs, page.subarray(at + 4, at + word));
      at += Math.ceil(word / 4) * 4;
    }
  }
  return { lost, malformed: false };
}
