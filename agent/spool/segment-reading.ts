import { hasCode } from '../../base/errors.js';
import type { SpoolFiles } from './files.js';
import { bodyOf, headerBytes, recordAt } from './records.js';
import { readRange, withFile } from './segment-files.js';
import type { Entry, Segment } from './segment.js';

interface ReadingBounds {
  /** Of bodies. */
  readonly maxBytes: number;
  readonly maxCount: number;
}

export interface RecordsRead {
  readonly records: readonly { sequence: number; wallMs: number; body: Buffer }[];
  /** What the records told of that were indexed and turned out to be unreadable; they are no longer indexed. */
  readonly lost: number;
  /** Whether the newest record was reached. */
  readonly complete: boolean;
}

/** The oldest records of a chain after a sequence: at least one, else as many as fit into both bounds. */
export async function readRecords(
  files: SpoolFiles,
  segments: readonly Segment[],
  afterSequence: number,
  bounds: ReadingBounds,
): Promise<RecordsRead> {
  let lost = 0;
  for (;;) {
    const pass = await readOnce(files, segments, afterSequence, bounds);
    lost += pass.lost;
    if (pass.records.length > 0 || pass.lost === 0) return { ...pass, lost };
  }
}

async function readOnce(
  files: SpoolFiles,
  segments: readonly Segment[],
  after: number,
  { maxBytes, maxCount }: ReadingBounds,
): Promise<RecordsRead> {
  const records: { sequence: number; wallMs: number; body: Buffer }[] = [];
  let lost = 0;
  let chosen = 0;
  let chosenBytes = 0;
  for (const segment of segments) {
    const wanted: Entry[] = [];
    let full = false;
    for (const entry of segment.after(after)) {
      full = chosen > 0 && (chosen >= maxCount || chosenBytes + entry.bodyBytes > maxBytes);
      if (full) break;
      wanted.push(entry);
      chosen++;
      chosenBytes += entry.bodyBytes;
    }
    const got = wanted.length === 0 ? [] : await readFrom(files, segment, wanted);
    if (got === undefined) return { records, lost, complete: false };
    for (const { sequence, wallMs, body } of got)
      if (body !== undefined) records.push({ sequence, wallMs, body });
      else lost += segment.remove(sequence);
    if (full) return { records, lost, complete: false };
  }
  return { records, lost, complete: true };
}

/** Undefined when reading failed for want of something that will be there again. */
async function readFrom(
  files: SpoolFiles,
  segment: Segment,
  wanted: readonly Entry[],
): Promise<readonly ReadRecord[] | undefined> {
  try {
    return await readEntries(files, segment.path, wanted);
  } catch (error) {
    if (hasCode(error, 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN')) return undefined;
    return wanted.map(({ sequence, wallMs }) => ({ sequence, wallMs, body: undefined }));
  }
}

interface ReadRecord {
  readonly sequence: number;
  readonly wallMs: number;
  /** Undefined when the record failed its checksum. */
  readonly body: Buffer | undefined;
}

/** Reads neighbouring records of a segment with one open file. */
async function readEntries(
  files: SpoolFiles,
  path: string,
  entries: readonly Entry[],
): Promise<ReadRecord[]> {
  const from = entries[0]?.offset ?? 0;
  const last = entries.at(-1);
  const end = last === undefined ? from : last.offset + headerBytes + last.bodyBytes;
  const bytes = await withFile(files, path, (file) => readRange(file, from, end - from));
  return entries.map(({ sequence, wallMs, offset }) => {
    const record = recordAt(bytes, offset - from);
    const good = record?.intact === true && record.sequence === sequence;
    return { sequence, wallMs, body: good ? bodyOf(bytes, record) : undefined };
  });
}
