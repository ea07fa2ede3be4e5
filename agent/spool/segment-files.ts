import { join } from 'node:path';
import { hasCode } from '../../base/errors.js';
import type { SpoolFile, SpoolFiles } from './files.js';
import { putAside } from './quarantine.js';
import { Segment, type Entry } from './segment.js';

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
    if (attempts === 1 || hasCode(error, 'ENOENT')) throw error;
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
async function copyTail(
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

/** The newer part of a segment as one of its own; undefined when there is no space for the copy. */
export async function copyNewer(
  files: SpoolFiles,
  segment: Segment,
  from: Entry,
  path: string,
): Promise<Segment | undefined> {
  const kept = new Segment(path);
  try {
    kept.sizeBytes = await copyTail(files, segment.path, from.offset, path);
  } catch {
    await discard(files, path);
    return undefined;
  }
  for (const { sequence, wallMs, offset, bodyBytes, count } of segment.after(from.sequence - 1))
    kept.add(sequence, wallMs, offset - from.offset, bodyBytes, count);
  return kept;
}

/** Makes the empty file of a segment, which is there after a power cut as well. */
export async function createSegmentFile(
  files: SpoolFiles,
  directory: string,
  path: string,
): Promise<SpoolFile> {
  const file = await createFile(files, path);
  try {
    await files.syncDirectory(directory);
    return file;
  } catch (error) {
    await file.close().catch(ignore);
    await discard(files, path);
    throw error;
  }
}

/** What was left or put in its place is no segment that was read: it is moved away, not overwritten. */
async function createFile(files: SpoolFiles, path: string): Promise<SpoolFile> {
  try {
    return await files.open(path, 'create');
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    await putAside(files, path);
    return files.open(path, 'create');
  }
}

/** Removes a file that may be gone already. */
export async function unlinkIfThere(files: SpoolFiles, path: string): Promise<void> {
  try {
    await files.unlink(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
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
