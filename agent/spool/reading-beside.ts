import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';
import { readHeads } from './heads.js';
import type { SpoolFiles } from './files.js';
import { byPriority } from './queues.js';
import { bodyOf, maxBodyBytes, scanRecords } from './records.js';
import { maxSegmentBytes } from './recovery.js';
import { readRange, withFile } from './segment-files.js';

/** The bodies of one segment that are whole, and how many records of it are not. */
interface SegmentRead {
  readonly records: readonly { sequence: number; wallMs: number; body: Buffer }[];
  readonly damaged: number;
}

/**
 * Reads a journal without its owner, who may be writing it: nothing is changed, a record that is being written is not
 * there yet, and a segment that goes meanwhile is gone. Segments from the oldest on, one in memory at a time.
 * @throws NodeJS.ErrnoException when the directory cannot be listed
 */
export async function* readBeside(
  files: SpoolFiles,
  directory: string,
  name: string,
): AsyncGenerator<SegmentRead> {
  const form = new RegExp(`^${name}-\\d{15}\\.journal$`);
  const names = (await files.list(directory)).filter((fileName) => form.test(fileName)).sort();
  for (const fileName of names) {
    try {
      yield await readSegment(files, join(directory, fileName));
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) yield { records: [], damaged: 1 };
    }
  }
}

async function readSegment(files: SpoolFiles, path: string): Promise<SegmentRead> {
  const bytes = await withFile(files, path, async (file) => {
    const sizeBytes = await file.sizeBytes();
    return readRange(file, 0, Math.min(sizeBytes, maxSegmentBytes + 2 * maxBodyBytes));
  });
  const { records } = scanRecords(bytes);
  const intact = records.filter((record) => record.intact);
  return {
    // A copy, so that one record does not hold the whole segment in memory.
    records: intact.map((record) => ({ ...record, body: Buffer.from(bodyOf(bytes, record)) })),
    damaged: records.length - intact.length,
  };
}

/**
 * What of a spool waits for the hub, read in the same way.
 * @throws NodeJS.ErrnoException when the directory cannot be read
 */
export async function* readSpoolBeside(
  files: SpoolFiles,
  directory: string,
): AsyncGenerator<SegmentRead> {
  const heads = await readHeads(files, directory, byPriority.length);
  for (const [rank, name] of byPriority.entries()) {
    const { sequence: head = 0 } = heads?.[rank] ?? {};
    for await (const { records, damaged } of readBeside(files, directory, name))
      yield { records: records.filter(({ sequence }) => sequence > head), damaged };
  }
}
