import { Backlog, type Waiting } from './backlog.js';
import type { SpoolFiles } from './files.js';
import type { Head } from './heads.js';
import { Journal, type Salvage } from './journal.js';
import type { RecordToWrite } from './records.js';
import { maxSegmentBytes } from './recovery.js';
import type { CountSpoolLoss, QueueName, SpoolRecovery } from './types.js';

/** From the first to go to the last, when room is short. */
export const byPriority = ['low', 'operational', 'high'] as const satisfies readonly QueueName[];

/** One queue of the spool: what is on disk, then what waits for it. */
export interface Queue {
  readonly name: QueueName;
  /** Its place in `byPriority`. */
  readonly rank: number;
  readonly journal: Journal;
  readonly backlog: Backlog;
  /** Up to this sequence everything is acknowledged or dropped. */
  head: number;
  nextSequence: number;
}

/** A sixteenth of what the spool may take, within what a segment can be. */
export const segmentBytesFor = (limitBytes: number): number =>
  Math.min(Math.max(Math.floor(limitBytes / 16), 512), maxSegmentBytes);

/** An event as it is written, with the next number of its queue unless an attempt before gave it one. */
export function numbered(queue: Queue, entry: Waiting): RecordToWrite {
  const sequence = (entry.sequence ??= queue.nextSequence++);
  return { sequence, wallMs: entry.wallMs, body: entry.body, count: entry.count };
}

interface FoundSpool {
  readonly files: SpoolFiles;
  readonly directory: string;
  readonly limitBytes: number;
  readonly lose: CountSpoolLoss;
  /** As they were written last, in the order of `byPriority`; undefined when they cannot be read. */
  readonly heads: readonly Head[] | undefined;
  /** The directory before could not be entered, and this is an empty one in its place. */
  readonly wasPutAside: boolean;
}

/** Opens every queue with what its files hold, and counts what is missing and was not counted before. */
export async function openQueues(
  found: FoundSpool,
): Promise<{ readonly queues: readonly Queue[]; readonly recovery: SpoolRecovery }> {
  const { files, directory, limitBytes, lose } = found;
  const queues: Queue[] = [];
  // How many events went with a directory that could not be entered nobody knows: one at least.
  let lostEvents = found.wasPutAside ? 1 : 0;
  if (lostEvents > 0) lose('spoolCorrupt', lostEvents);
  let quarantinedFiles = lostEvents;
  for (const [rank, name] of byPriority.entries()) {
    const head = found.heads?.[rank];
    const segmentBytes = segmentBytesFor(limitBytes);
    const from = { files, directory, name, known: head, segmentBytes };
    const { journal, recovery } = await Journal.open(from);
    const lost = Math.max(0, recovery.missing - (head?.missing ?? 0)) + recovery.tornEnds;
    if (lost > 0) lose('spoolCorrupt', lost, name);
    lostEvents += lost;
    quarantinedFiles += recovery.quarantinedFiles;
    const nextSequence = journal.lastSequence + 1;
    const start = head?.sequence ?? journal.oldestSequence - 1;
    queues.push({ name, rank, journal, backlog: new Backlog(), head: start, nextSequence });
  }
  return { queues, recovery: { lostEvents, quarantinedFiles } };
}

/**
 * Frees disk until `excessBytes` is no longer above 0: first what is forgotten, then the oldest of the lowest priority up
 * to `rank`, counted as lost and given to `salvage` before.
 *
 * @returns `there` when nothing had to be freed, `freed`, or `none` when even all of that is not enough: then nothing is
 *   dropped
 */
export async function freeRoom(
  queues: readonly Queue[],
  rank: number,
  excessBytes: () => number,
  lose: CountSpoolLoss,
  salvage?: Salvage,
): Promise<'there' | 'freed' | 'none'> {
  if (excessBytes() <= 0) return 'there';
  for (const { journal } of queues) await journal.free(true);
  const victims = queues.filter((queue) => queue.rank <= rank);
  const droppable = victims.reduce((sum, { journal }) => sum + journal.sizeBytes, 0);
  if (excessBytes() > droppable) return 'none';
  for (const { name, journal } of victims)
    while (excessBytes() > 0 && journal.sizeBytes > 0) {
      const dropped = await journal.dropOldest(excessBytes(), salvage);
      if (dropped > 0) lose('spoolFull', dropped, name);
    }
  for (const queue of victims) queue.head = Math.max(queue.head, queue.journal.oldestSequence - 1);
  return 'freed';
}
