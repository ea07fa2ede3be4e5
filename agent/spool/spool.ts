import type { Clock } from '../../collectors/clock.js';
import type { LossCause } from '../../collectors/loss.js';
import type { SpoolFiles } from './files.js';

export type QueueName = 'high' | 'low' | 'operational';

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
}

const pending = (): Promise<never> => Promise.reject(new Error('The spool is not written yet.'));

export class Spool {
  static open(_options: SpoolOptions): Promise<Spool> {
    return pending();
  }

  /** Resolves, and never rejects, when the event is on disk (`stored`) or cannot be put there now. */
  append(_queue: QueueName, _json: string): Promise<AppendOutcome> {
    return pending();
  }

  /**
   * The oldest events after `afterSequence`, in order: as many as fit into `maxBytes` of JSON and `maxCount`, but
   * always at least one when there is one, so that an oversized event can be dealt with and blocks nothing.
   */
  read(
    _queue: QueueName,
    _afterSequence: number,
    _maxBytes: number,
    _maxCount?: number,
  ): Promise<readonly StoredEvent[]> {
    return pending();
  }

  /** Forgets everything of the queue up to `throughSequence`; resolves when that is on disk. */
  acknowledge(_queue: QueueName, _throughSequence: number): Promise<void> {
    return pending();
  }

  setLimit(_limitBytes: number): Promise<void> {
    return pending();
  }

  stats(): Record<QueueName, QueueStats> {
    throw new Error('The spool is not written yet.');
  }

  /** Calls `listener` after each group of events that became readable. */
  onAppended(_listener: () => void): void {
    throw new Error('The spool is not written yet.');
  }

  /** Why events cannot be written at present; undefined while the disk takes them. */
  get problem(): string | undefined {
    return undefined;
  }

  close(): Promise<void> {
    return pending();
  }
}
