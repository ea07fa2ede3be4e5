import { join } from 'node:path';

import type { SpoolFiles } from './files.js';
import { putAside, quarantineSuffix } from './quarantine.js';
import { maxBodyBytes, scanRecords, type Scan } from './records.js';
import { ignore, readRange, withFile } from './segment-files.js';
import { Segment } from './segment.js';

/** Segments are at most this long, plus the record that crosses the line. */
export const maxSegmentBytes = 4 * 1024 * 1024;
/** How many unreadable files are kept for whoever wants to look into them. */
const keptQuarantined = 4;

export interface KnownSequences {
  /** Everything up to here was forgotten. */
  readonly sequence: number;
  /** The highest sequence that was given out. */
  readonly last: number;
}

export interface Recovered {
  readonly segments: readonly Segment[];
  /** The highest sequence that any good header carried. */
  readonly lastSequence: number;
  /** Sequences after the head that were given out and cannot be read. */
  readonly missing: number;
  /** Files or ends of files that hold something of which not even a header is good. */
  readonly tornEnds: number;
  readonly quarantinedFiles: number;
}

/**
 * Reads the segments of one journal. Its owner may know from elsewhere what was forgotten and given out already.
 * Never fails.
 */
export async function recoverSegments(
  files: SpoolFiles,
  directory: string,
  name: string,
  known: KnownSequences | undefined,
): Promise<Recovered> {
  const form = new RegExp(`^${name}-\\d{15}\\.journal$`);
  const segments: Segment[] = [];
  let lastIntact = known?.sequence;
  let lastSequence = known?.last ?? 0;
  let missing = 0;
  let tornEnds = 0;
  let quarantinedFiles = 0;
  for (const fileName of await namesOf(files, directory, form)) {
    const path = join(directory, fileName);
    const found = await scanFile(files, path);
    if (found === 'empty') {
      await files.unlink(path).catch(() => putAside(files, path));
      continue;
    }
    const records = found?.scan.records ?? [];
    for (const record of records) lastSequence = Math.max(lastSequence, record.sequence);
    if (found === undefined || !records.some((record) => record.intact)) {
      quarantinedFiles++;
      if (records.length === 0) tornEnds++;
      await putAside(files, path);
      continue;
    }
    const segment = new Segment(path);
    segment.sizeBytes = found.sizeBytes;
    if (found.scan.endBytes < found.sizeBytes) {
      tornEnds++;
      segment.sizeBytes = await cutOff(files, path, found.scan.endBytes, found.sizeBytes);
    }
    for (const record of records) {
      // A write that was repeated after an error can have left the same record twice.
      if (!record.intact || record.sequence <= (lastIntact ?? 0)) continue;
      if (lastIntact !== undefined) missing += record.sequence - lastIntact - 1;
      lastIntact = record.sequence;
      segment.add(record.sequence, record.wallMs, record.offset, record.bodyBytes, record.count);
    }
    segments.push(segment);
  }
  missing += lastSequence - (lastIntact ?? lastSequence);
  await pruneQuarantine(files, directory, name);
  return { segments, lastSequence, missing, tornEnds, quarantinedFiles };
}

/** Takes garbage from the end of a segment, so that the next start does not count it again. */
async function cutOff(
  files: SpoolFiles,
  path: string,
  endBytes: number,
  sizeBytes: number,
): Promise<number> {
  try {
    const file = await files.open(path, 'update');
    try {
      await file.truncate(endBytes);
    } finally {
      await file.close();
    }
    return endBytes;
  } catch {
    return sizeBytes;
  }
}

/** None when there is no such directory, or it cannot be listed: no segment is then read or overwritten. */
async function namesOf(files: SpoolFiles, directory: string, form: RegExp): Promise<string[]> {
  const list = (): Promise<readonly string[]> => files.list(directory);
  const names = await list()
    .catch(list)
    .catch((): string[] => []);
  return names.filter((fileName) => form.test(fileName)).sort();
}

/** Undefined when the file cannot be read or cannot be a segment. */
async function scanFile(
  files: SpoolFiles,
  path: string,
): Promise<{ scan: Scan; sizeBytes: number } | 'empty' | undefined> {
  try {
    return await withFile(files, path, async (file) => {
      const sizeBytes = await file.sizeBytes();
      if (sizeBytes === 0) return 'empty';
      if (sizeBytes > maxSegmentBytes + 2 * maxBodyBytes) return undefined;
      return { scan: scanRecords(await readRange(file, 0, sizeBytes)), sizeBytes };
    });
  } catch {
    return undefined;
  }
}

async function pruneQuarantine(files: SpoolFiles, directory: string, name: string): Promise<void> {
  const form = new RegExp(`^${name}-\\d{15}\\.journal${quarantineSuffix}`);
  const names = await namesOf(files, directory, form);
  for (const fileName of names.slice(0, -keptQuarantined))
    await files.unlink(join(directory, fileName)).catch(ignore);
}
