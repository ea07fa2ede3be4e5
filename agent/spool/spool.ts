/**
 * The durable queues between the pipeline and the uplink.
 *
 * 1. An event whose append resolved as `stored` is given by `read`, once and unchanged, until it is acknowledged,
 *    dropped for space and counted, or found damaged and counted; also after a crash or a power cut.
 * 2. The order within a queue is the order of the calls of `append`; sequences rise, also over restarts.
 * 3. What is acknowledged is not given again. A crash gives again at most what was not acknowledged.
 * 4. The files of all queues, with framing and with what is not freed yet, take at most `limitBytes`.
 * 5. When full, the oldest of the lowest priority goes first (low, operational, high), a segment (a sixteenth of the
 *    limit) at a time; an event never displaces one of higher priority. Every event that goes is counted, one that tells
 *    of several things as so many; of a record that was found damaged or missing nobody knows how many: it counts as one.
 * 6. `append`, `read` and `acknowledge` never reject and never wait for space. While the disk refuses writes, events
 *    are kept in memory, bounded, readable, and written in order when it takes them again; newcomers that find that
 *    memory full are refused and counted, so that what is numbered stays without holes.
 * 7. Whatever the directory contains, and whatever the disk refuses, `open` succeeds; a disk that takes nothing at the
 *    start is one that refuses writes. No second process gets in.
 * 8. Losses found at the opening are counted once, not at every opening.
 *
 * Its modes:
 *
 * ## The disk takes writes
 *
 * `problem` is undefined. Appends that come while an operation runs are written, and made to last, as one group.
 *
 * ## The disk refuses writes
 *
 * `problem` says why. What is appended is numbered and held in memory; at growing intervals, and with each
 * acknowledgement, the heads, the space and what is held are tried again. It ends when all that was held is on disk.
 *
 * ## Closed
 *
 * `close` was called: nothing more is taken. What waits is tried once more, and what the disk still refuses is counted.
 */
import { Turns } from '../../base/turns.js';
import { openDirectory, openLockedDirectory } from './directory.js';
import { SpoolDisk } from './disk.js';
import { systemFiles, type SpoolFiles } from './files.js';
import { HeadsFile } from './heads.js';
import { byPriority, numbered, openQueues, type Queue } from './queues.js';
import { maxBodyBytes } from './records.js';
import { Refusal } from './refusal.js';
import {
  type AppendOutcome,
  type QueueName,
  type QueueStats,
  type SpoolOptions,
  type SpoolRecovery,
  type StoredEvent,
} from './types.js';

export * from './types.js';

/** After a refusal in small steps: a nearly full disk may take some of what waits. */
const cautiousBytes = 16 * 1024;

export class Spool {
  private readonly listeners: (() => void)[] = [];
  private readonly turns = new Turns();
  private readonly disk: SpoolDisk;
  private readonly refusal: Refusal;
  private storing = false;
  private closed = false;
  private released = false;

  private constructor(
    private readonly options: SpoolOptions & { readonly files: SpoolFiles },
    heads: HeadsFile,
    private readonly queues: readonly Queue[],
    private readonly unlock: () => Promise<void>,
    readonly recovery: SpoolRecovery,
  ) {
    this.disk = new SpoolDisk({ ...options, heads, queues });
    this.refusal = new Refusal(options);
  }

  /** Fails with `SpoolLockedError` only. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const { directory, limitBytes } = options;
    const place = await openLockedDirectory(
      options.files ?? systemFiles,
      directory,
      options.identify,
    );
    const { files } = place;
    const heads = await HeadsFile.open(files, directory, byPriority.length);
    const { queues, recovery } = await openQueues({
      ...options,
      files,
      heads: heads.found,
      wasPutAside: place.wasPutAside,
    });
    const spool = new Spool({ ...options, files }, heads, queues, place.unlock, recovery);
    await spool.setLimit(limitBytes);
    return spool;
  }

  /**
   * Resolves, and never rejects, when the event is on disk (`stored`) or cannot be put there now.
   * @param count how many things the event tells of: its loss counts as so many
   */
  append(queueName: QueueName, json: string, count = 1): Promise<AppendOutcome> {
    const { backlog } = this.queue(queueName);
    const body = Buffer.from(json, 'utf8');
    const writable = this.refusal.problem === undefined && !this.closed;
    const fits = body.length <= maxBodyBytes && !this.closed;
    const wallMs = this.options.clock.wallMs();
    const outcome = fits ? backlog.add(body, wallMs, count, writable) : undefined;
    if (outcome === undefined) {
      this.options.lose(writable ? 'spoolFull' : 'spoolWriteFailed', count, queueName);
      void this.options.onDropped?.([json]);
      return Promise.resolve('dropped');
    }
    if (writable) this.storeSoon();
    else this.hold();
    return outcome;
  }

  /**
   * The oldest events after `afterSequence`, in order: as many as fit into `maxBytes` of JSON and `maxCount`, but
   * always at least one when there is one, so that an oversized event can be dealt with and blocks nothing.
   */
  read(
    queueName: QueueName,
    afterSequence: number,
    maxBytes: number,
    maxCount = Infinity,
  ): Promise<readonly StoredEvent[]> {
    const { journal, backlog } = this.queue(queueName);
    return this.turns.run(async () => {
      const events: StoredEvent[] = [];
      let roomBytes = maxBytes;
      const add = (sequence: number, storedWallMs: number, body: Buffer): void => {
        roomBytes -= body.length;
        const json = body.toString('utf8');
        events.push({ queue: queueName, sequence, json, sizeBytes: body.length, storedWallMs });
      };
      const { records, lost, complete } = await journal.read(afterSequence, maxBytes, maxCount);
      if (lost > 0) this.options.lose('spoolCorrupt', lost, queueName);
      for (const { sequence, wallMs, body } of records) add(sequence, wallMs, body);
      if (!complete) return events;
      for (const { sequence, wallMs, body } of backlog.held()) {
        if (sequence <= afterSequence) continue;
        if (events.length > 0 && (events.length >= maxCount || body.length > roomBytes)) break;
        add(sequence, wallMs, body);
      }
      return events;
    });
  }

  /** Forgets everything of the queue up to `throughSequence`; resolves when that is on disk. */
  acknowledge(queueName: QueueName, throughSequence: number): Promise<void> {
    const queue = this.queue(queueName);
    return this.turns.run(async () => {
      const through = Math.min(throughSequence, queue.nextSequence - 1);
      if (through <= queue.head || this.released) return;
      queue.head = through;
      queue.journal.forget(through);
      const held = queue.backlog.takeWhile(({ sequence }) => (sequence ?? Infinity) <= through);
      queue.backlog.settle(held.length, 'stored');
      try {
        await this.disk.writeHeads();
        await queue.journal.free(false);
      } catch (error) {
        this.fail(error);
      }
      if (this.refusal.problem !== undefined) await this.tryAgain();
    });
  }

  /** Takes effect at once: what no longer fits is dropped by invariant 5 and counted. */
  setLimit(limitBytes: number): Promise<void> {
    return this.turns.run(async () => {
      if (this.released) return;
      try {
        await this.disk.setLimit(limitBytes);
      } catch (error) {
        this.fail(error);
      }
    });
  }

  stats(): Record<QueueName, QueueStats> {
    const of = (name: QueueName): QueueStats => {
      const { journal, backlog, head } = this.queue(name);
      const held = backlog.held();
      const oldestWallMs = journal.oldestWallMs ?? held[0]?.wallMs;
      return {
        events: journal.count + held.length,
        bytes: held.reduce((sum, { body }) => sum + body.length, journal.bodyBytes),
        diskBytes: journal.sizeBytes,
        ...(oldestWallMs === undefined ? {} : { oldestWallMs }),
        headSequence: head,
      };
    };
    return { high: of('high'), low: of('low'), operational: of('operational') };
  }

  /** Calls `listener` after each group of events that became readable. */
  onAppended(listener: () => void): void {
    this.listeners.push(listener);
  }

  /** Why the disk does not take what it is given; undefined while it does. */
  get problem(): string | undefined {
    return this.refusal.problem;
  }

  /** Writes what waits, once more if the disk refused it, counts what it then still refuses, and lets go. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.refusal.cancel();
    await this.turns.run(async () => {
      await this.storeAll();
      this.released = true;
      for (const { name, backlog, journal } of this.queues) {
        const { toldCount } = backlog;
        if (toldCount > 0) this.options.lose('spoolWriteFailed', toldCount, name);
        await journal.close();
      }
      await this.disk.close();
      await this.unlock();
    });
  }

  private queue(name: QueueName): Queue {
    const queue = this.queues.find((candidate) => candidate.name === name);
    if (queue === undefined) throw new Error(`There is no queue ${name}.`);
    return queue;
  }

  /** All appends that wait while another operation runs are written, and made to last, as one group. */
  private storeSoon(): void {
    if (this.storing) return;
    this.storing = true;
    void this.turns.run(() => {
      this.storing = false;
      return this.storeAll();
    });
  }

  private async storeAll(): Promise<void> {
    if (!this.waits()) return;
    try {
      await this.disk.store(this.refusal.isRepeated ? cautiousBytes : Infinity);
      this.recovered();
    } catch (error) {
      this.fail(error);
    }
    for (const listener of this.listeners) listener();
  }

  private waits(): boolean {
    return this.queues.some(({ backlog }) => backlog.count > 0);
  }

  /** The disk refused something: what waits stays in memory, and is tried again after a while. */
  private fail(error: unknown): void {
    this.refusal.begin(error);
    this.hold();
    if (!this.closed) this.refusal.retryLater(() => this.turns.run(() => this.tryAgain()));
  }

  private hold(): void {
    for (const queue of this.queues) {
      queue.backlog.hold((entry) => void numbered(queue, entry));
    }
  }

  private async tryAgain(): Promise<void> {
    const { files, directory } = this.options;
    try {
      // Somebody may have removed it, or there was no room for it at the start.
      await openDirectory(files, directory);
      await this.disk.tidy();
    } catch (error) {
      this.fail(error);
      return;
    }
    if (this.waits()) await this.storeAll();
    else this.recovered();
  }

  /** Not before what was held is on disk: until then `problem` says that it is not. */
  private recovered(): void {
    // What came meanwhile for a queue that was through already.
    if (this.refusal.end() && this.waits()) this.storeSoon();
  }
}
