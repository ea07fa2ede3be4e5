import { join } from 'node:path';

import type { SpoolFile, SpoolFiles } from './files.js';
import { bodyOf, headerBytes, recordAt } from './records.js';
import type { Entry } from './segment.js';

export interface ReadRecord {
  readonly sequence: number;
  readonly wallMs: number;
  /** Undefined when the record failed its checksum. */
  readonly body: Buffer | undefined;
}

/** Reads neighbouring records of a segment with one open file. */
export async function readEntries(
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

/** Opens a file for reading and closes it again; a first failure may be a passing one, so it tries twice. */
export async function withFile<T>(
  files: SpoolFiles,
  path: string,
  use: (file: SpoolFile) => Promise<T>,
  attempts = 2,
): Promise<T> {
  try {
    const file = await files.open(path, 'read');
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (attempts === 1 || (error as NodeJS.ErrnoException).code === 'ENOENT') throw error;
    return withFile(files, path, use, attempts - 1);
  }
}

/** As many of `sizeBytes` as there are. */
export async function readRange(file: SpoolFile, from: number, sizeBytes: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const got = await file.read(bytes.subarray(filled), from + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes.subarray(0, filled);
}

/** A write may take less than it was given: pwrite(2). */
export async function writeAll(
  file: SpoolFile,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const took = await file.write(bytes.subarray(written), position + written);
    if (took <= 0) throw new Error('The file system took no bytes of a write.');
    written += took;
  }
}

/** Copies what stands in a segment from `offset` on into a file of its own; resolves to its bytes. */
export async function copyTail(
  files: SpoolFiles,
  from: string,
  offset: number,
  to: string,
): Promise<number> {
  const bytes = await withFile(files, from, async (source) =>
    readRange(source, offset, (await source.sizeBytes()) - offset),
  );
  const target = await files.open(to, 'create');
  try {
    await writeAll(target, bytes, 0);
    await target.sync();
  } finally {
    await target.close();
  }
  return bytes.length;
}

/** Removes a file, or at least empties it. */
export async function discard(files: SpoolFiles, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch {
    const file = await files.open(path, 'update').catch(ignore);
    await file?.truncate(0).catch(ignore);
    await file?.close().catch(ignore);
  }
}

export function ignore(): undefined {
  // Tidying that failed is tried again at the next start; nothing is lost by it.
}

export function segmentPath(directory: string, name: string, firstSequence: number): string {
  return join(directory, `${name}-${String(firstSequence).padStart(15, '0')}.journal`);
}
