import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { hasCode } from '../../base/errors.js';
import type { SpoolFile, SpoolFiles } from './files.js';
import { maxSequence } from './records.js';
import { putAside } from './quarantine.js';
import { ignore, readRange, withFile, writeAll } from './segment-files.js';

/** What is known of one queue beside its records. */
export interface Head {
  /** Everything up to here is acknowledged or dropped. */
  readonly sequence: number;
  /** How many sequences after it are known to be lost, so that the next start does not count them again. */
  readonly missing: number;
  /** The highest sequence that was given out when this was written, so that none is given twice. */
  readonly last: number;
}

const fileName = 'heads';
const magic = 0xf84d_4aff;
/** Sectors are written whole or not at all, so the two slots never tear together. */
const slotDistance = 512;

/** What the file takes. */
export const headsBytes = slotDistance + slotBytes(3);

function slotBytes(heads: number): number {
  return 4 + 6 + heads * 18 + 4;
}

/**
 * The heads of all queues in one small file, overwritten in place: two slots in turn, each with a generation and a
 * checksum, so that a torn write leaves the one before. Overwriting needs no space, so acknowledgements last even on
 * a full disk.
 */
export class HeadsFile {
  private file: SpoolFile | undefined;

  private constructor(
    private readonly files: SpoolFiles,
    private readonly path: string,
    private generation: number,
    /** As found at the opening; undefined when there was no good slot. */
    readonly found: readonly Head[] | undefined,
  ) {}

  static async open(files: SpoolFiles, directory: string, count: number): Promise<HeadsFile> {
    const path = join(directory, fileName);
    let newest: Slot | undefined;
    try {
      newest = await newestSlot(files, path, count);
    } catch (error) {
      // What is in the way, a directory for example, is put aside, so that heads can be written again.
      if (!hasCode(error, 'ENOENT')) await putAside(files, path);
    }
    return new HeadsFile(files, path, newest?.generation ?? 0, newest?.heads);
  }

  /** Resolves when the heads are on disk. Fails as the file system does; the next write starts afresh. */
  async write(heads: readonly Head[]): Promise<void> {
    const slot = Buffer.alloc(slotBytes(heads.length));
    slot.writeUInt32LE(magic, 0);
    slot.writeUIntLE(++this.generation, 4, 6);
    for (const [index, { sequence, missing, last }] of heads.entries()) {
      slot.writeUIntLE(sequence, 10 + index * 18, 6);
      slot.writeUIntLE(missing, 16 + index * 18, 6);
      slot.writeUIntLE(last, 22 + index * 18, 6);
    }
    slot.writeUInt32LE(crc32(slot.subarray(0, -4)), slot.length - 4);
    try {
      this.file ??= await this.files.open(this.path, 'update');
      await writeAll(this.file, slot, (this.generation % 2) * slotDistance);
      await this.file.sync();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const file = this.file;
    this.file = undefined;
    await file?.close().catch(ignore);
  }
}

interface Slot {
  readonly generation: number;
  readonly heads: readonly Head[];
}

/**
 * The heads as they were written last; undefined where there are none, or none are whole. Changes nothing.
 * @throws NodeJS.ErrnoException when they cannot be read
 */
export async function readHeads(
  files: SpoolFiles,
  directory: string,
  count: number,
): Promise<readonly Head[] | undefined> {
  try {
    return (await newestSlot(files, join(directory, fileName), count))?.heads;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

async function newestSlot(
  files: SpoolFiles,
  path: string,
  count: number,
): Promise<Slot | undefined> {
  const bytes = await withFile(files, path, (file) =>
    readRange(file, 0, slotDistance + slotBytes(count)),
  );
  const slots: Slot[] = [];
  for (const offset of [0, slotDistance]) {
    const slot = bytes.subarray(offset, offset + slotBytes(count));
    if (slot.length < slotBytes(count) || slot.readUInt32LE(0) !== magic) continue;
    if (slot.readUInt32LE(slot.length - 4) !== crc32(slot.subarray(0, -4))) continue;
    const heads = Array.from({ length: count }, (_, index) => ({
      sequence: slot.readUIntLE(10 + index * 18, 6),
      missing: slot.readUIntLE(16 + index * 18, 6),
      last: slot.readUIntLE(22 + index * 18, 6),
    }));
    const generation = slot.readUIntLE(4, 6);
    // Numbers from which nobody could go on counting were not written by this program.
    if (
      Math.max(generation, ...heads.map(({ sequence, last }) => Math.max(sequence, last))) >
      maxSequence
    )
      continue;
    slots.push({ generation, heads });
  }
  return slots.sort((a, b) => b.generation - a.generation)[0];
}
