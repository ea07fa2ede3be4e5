import type { Clock } from '../../base/clock.js';
import type { LossCause } from '../../base/loss.js';
import type { SentPriority } from '../../contract/priority.js';
import type { SpoolFiles } from './files.js';
import type { Identify } from './lock.js';

/** A queue for each priority, and one for what the agent tells of itself; also the names of its files. */
export type QueueName = Lowercase<SentPriority> | 'operational';

/** The queue of the events with a priority. */
export const queueOfPriority = { High: 'high', Low: 'low' } as const satisfies Record<
  SentPriority,
  QueueName
>;

/** An event as it was appended, with its place in its queue. */
export interface StoredEvent {
  readonly queue: QueueName;
  /** Rises by one from event to event of a queue, also over restarts; a gap is a loss that was counted. */
  readonly sequence: number;
  readonly json: string;
  /** UTF-8 bytes of `json`. */
  readonly sizeBytes: number;
  /** Wall clock when it was appended, milliseconds since the epoch. */
  readonly storedWallMs: number;
}

/**
 * What became of an append: on disk; kept in memory because the disk refuses writes, and written as soon as it
 * takes them again; or refused and counted.
 */
export type AppendOutcome = 'stored' | 'held' | 'dropped';

export interface QueueStats {
  /** Events not acknowledged. */
  readonly events: number;
  /** UTF-8 bytes of their JSON. */
  readonly bytes: number;
  /** Bytes of the queue's files: with framing, and with what is acknowledged but not freed yet. */
  readonly diskBytes: number;
  /** When the oldest of them was appended; absent when the queue is empty. */
  readonly oldestWallMs?: number;
  /** Everything up to here is acknowledged or dropped: the place to read on from. */
  readonly headSequence: number;
}

export type CountSpoolLoss = (cause: LossCause, count: number, queue?: QueueName) => void;

export interface SpoolOptions {
  readonly directory: string;
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly files?: SpoolFiles;
  readonly lose: CountSpoolLoss;
  readonly identify?: Identify;
  /** Takes, as they were appended, the events that are dropped for want of room. Never rejects. */
  readonly onDropped?: ((events: readonly string[]) => Promise<void>) | undefined;
  /** The disk begins to refuse what it is given (the reason), or takes it again (undefined). */
  readonly onProblem?: (problem: string | undefined) => void;
}

/** What the opening found beside good records. */
export interface SpoolRecovery {
  readonly lostEvents: number;
  /** Files that could not be read and were renamed to `*.quarantine`; the newest four of a queue are kept. */
  readonly quarantinedFiles: number;
}
