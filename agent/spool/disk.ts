import { headsBytes, type HeadsFile } from './heads.js';
import { byPriority, freeRoom, numbered, type Queue, segmentBytesFor } from './queues.js';
import { recordBytes } from './records.js';
import type { CountSpoolLoss, SpoolOptions } from './types.js';

interface SpoolDiskOptions {
  readonly queues: readonly Queue[];
  readonly heads: HeadsFile;
  readonly limitBytes: number;
  readonly lose: CountSpoolLoss;
  readonly onDropped?: SpoolOptions['onDropped'];
}

/**
 * What the queues have on disk, within the limit, and the heads that say where each of them begins. Whatever the disk
 * refuses rejects; what was not written still waits in its queue. The owner runs one operation at a time.
 */
export class SpoolDisk {
  private limitBytes: number;

  constructor(private readonly options: SpoolDiskOptions) {
    this.limitBytes = options.limitBytes;
  }

  /** What no longer fits is dropped, the oldest of the lowest priority first, and counted. */
  async setLimit(limitBytes: number): Promise<void> {
    this.limitBytes = limitBytes;
    for (const { journal } of this.options.queues)
      journal.segmentBytes = segmentBytesFor(limitBytes);
    await this.makeRoom(0, byPriority.length - 1);
    await this.writeHeads();
  }

  /**
   * Writes what waits in all queues, the highest priority first, and makes it last.
   * @param stepBytes as much of a queue is written at once, or one record
   */
  async store(stepBytes: number): Promise<void> {
    for (const queue of [...this.options.queues].reverse()) await this.storeQueue(queue, stepBytes);
  }

  /** Frees what is forgotten, and what is beyond the limit. */
  async tidy(): Promise<void> {
    await this.writeHeads();
    for (const { journal } of this.options.queues) await journal.free(false);
    await this.makeRoom(0, byPriority.length - 1);
  }

  async writeHeads(): Promise<void> {
    await this.options.heads.write(
      this.options.queues.map(({ head, journal, backlog, nextSequence }) => {
        // What was numbered and does not wait any more is on disk or lost.
        const last = Math.max((backlog.oldest?.sequence ?? nextSequence) - 1, head);
        return { sequence: head, last, missing: Math.max(0, last - head - journal.count) };
      }),
    );
  }

  async close(): Promise<void> {
    await this.options.heads.close();
  }

  private async storeQueue(queue: Queue, stepBytes: number): Promise<void> {
    const { backlog, journal } = queue;
    while (backlog.oldest !== undefined) {
      const freeBytes = this.limitBytes - this.usedBytes();
      let groupBytes = 0;
      const group = backlog.takeWhile(({ body }) => {
        const isFirst = groupBytes === 0;
        groupBytes += recordBytes(body.length);
        return groupBytes <= freeBytes && (isFirst || groupBytes <= stepBytes);
      });
      if (group.length === 0) {
        if (await this.makeRoom(recordBytes(backlog.oldest.body.length), queue.rank)) continue;
        this.options.lose('spoolFull', backlog.oldest.count, queue.name);
        await this.salvage([backlog.oldest.body]);
        const leavesHole = backlog.oldest.sequence !== undefined;
        backlog.settle(1, 'dropped');
        if (leavesHole) await this.writeHeads();
        continue;
      }
      try {
        await journal.append(group.map((entry) => numbered(queue, entry)));
      } finally {
        const { lastSequence } = journal;
        const stored = group.filter(({ sequence }) => (sequence ?? Infinity) <= lastSequence);
        backlog.settle(stored.length, 'stored');
      }
    }
  }

  /** Makes `neededBytes` more fit; false when what may be dropped for it, up to `rank`, is not enough. */
  private async makeRoom(neededBytes: number, rank: number): Promise<boolean> {
    const { queues, lose, onDropped } = this.options;
    const salvage = onDropped && ((bodies: readonly Buffer[]) => this.salvage(bodies));
    const excessBytes = (): number => this.usedBytes() + neededBytes - this.limitBytes;
    const room = await freeRoom(queues, rank, excessBytes, lose, salvage);
    if (room === 'freed') await this.writeHeads();
    return room !== 'none';
  }

  private async salvage(bodies: readonly Buffer[]): Promise<void> {
    await this.options.onDropped?.(bodies.map((body) => body.toString('utf8')));
  }

  private usedBytes(): number {
    return this.options.queues.reduce((sum, { journal }) => sum + journal.sizeBytes, headsBytes);
  }
}
