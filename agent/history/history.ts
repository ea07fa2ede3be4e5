/**
 * What stays on the device of the events that left it, or were given up: evidence where the copy in the cloud is missing.
 * A ring of segments in the form of the spool.
 *
 * 1. What a `keep` that resolved has written is there after a crash or a power cut; a torn record costs itself alone.
 * 2. The files take at most `limitBytes`, each with a block of the disk more than it holds, so that a thousand starts do
 *    not leave a thousand files; beside them stand at most the four that recovery puts aside.
 * 3. The oldest segment goes whole when there is no room for what is new.
 * 4. `keep` never rejects. What is not written because the disk refuses it, or because too much waits, is counted; the
 *    next events are tried again.
 * 5. Memory holds five numbers for each event, and at most `mostWaitingBytes` of what is not written yet.
 * 6. Nothing is written unless there is something to keep.
 *
 * Nobody waits for it on the way of an event: `keep` is called where the hub has acknowledged, or the spool drops.
 */
import { join } from 'node:path';
import { reasonOf } from '../../base/errors.js';
import type { LossCause } from '../../base/loss.js';
import { Turns } from '../../base/turns.js';
import type { Clock } from '../../base/clock.js';
import { openDirectory } from '../spool/directory.js';
import { systemFiles, type SpoolFiles } from '../spool/files.js';
import { Journal } from '../spool/journal.js';
import { segmentBytesFor } from '../spool/queues.js';
import { recordBytes } from '../spool/records.js';
import { isKept } from './kept.js';
import { encodeKept, type Fate } from './record.js';

/** The first part of the names of its files. */
export const historyJournal = 'kept';

/** The largest message several times over, and what the spool reads of a segment that it drops. */
const mostWaitingBytes = 2 * 1024 * 1024;
const blockBytes = 4096;

interface HistoryOptions {
  readonly directory: string;
  /** 0: nothing is kept, and what was kept is removed. */
  readonly limitBytes: number;
  readonly clock: Clock;
  readonly files?: SpoolFiles;
  readonly lose: (cause: LossCause, count: number) => void;
  /** The disk begins to refuse what it is given (the reason), or takes it again (undefined). */
  readonly onProblem?: (problem: string | undefined) => void;
}

export interface HistoryStats {
  readonly limitBytes: number;
  /** Of the files. */
  readonly diskBytes: number;
  readonly events: number;
  /** When the oldest of them was kept; absent when there is none. */
  readonly oldestWallMs?: number;
}

export class History {
  private readonly turns = new Turns();
  private readonly files: SpoolFiles;
  private journal: Journal | undefined;
  private waitingBytes = 0;
  private problemText: string | undefined;
  private closed = false;

  constructor(private readonly options: HistoryOptions) {
    this.files = options.files ?? systemFiles;
  }

  /** Reads what is there already, while the agent goes on. Never rejects. */
  start(): Promise<void> {
    return this.turns.run(async () => {
      if (this.options.limitBytes === 0) return this.removeAll();
      try {
        await this.makeRoom(await this.opened(), 0);
      } catch (error) {
        this.fail(error);
      }
    });
  }

  /**
   * Keeps those of some events that are to be kept; resolves when they are on the disk, or counted as lost.
   * @param events as they were sent, or were to be sent
   */
  keep(events: readonly string[], fate: Fate): Promise<void> {
    if (this.options.limitBytes === 0 || this.closed) return Promise.resolve();
    const bodies = events.filter(isKept).map((json) => encodeKept(json, fate));
    const sizeBytes = bodies.reduce((sum, { length }) => sum + length, 0);
    if (bodies.length === 0) return Promise.resolve();
    if (this.waitingBytes + sizeBytes > mostWaitingBytes) {
      this.options.lose('historyLost', bodies.length);
      return Promise.resolve();
    }
    this.waitingBytes += sizeBytes;
    return this.turns.run(async () => {
      await this.write(bodies);
      this.waitingBytes -= sizeBytes;
    });
  }

  stats(): HistoryStats {
    const { journal } = this;
    return {
      limitBytes: this.options.limitBytes,
      diskBytes: journal?.sizeBytes ?? 0,
      events: journal?.count ?? 0,
      ...(journal?.oldestWallMs === undefined ? {} : { oldestWallMs: journal.oldestWallMs }),
    };
  }

  /** Why the disk did not take the last events; undefined while it does. */
  get problem(): string | undefined {
    return this.problemText;
  }

  /** Writes what waits, and lets go. Never rejects. */
  async close(): Promise<void> {
    this.closed = true;
    await this.turns.run(async () => this.journal?.close());
  }

  private async write(bodies: readonly Buffer[]): Promise<void> {
    let left = bodies.length;
    try {
      const journal = await this.opened();
      while (left > 0) {
        const group = groupOf(bodies, bodies.length - left, journal.segmentBytes);
        const neededBytes = group.reduce((sum, { length }) => sum + recordBytes(length), 0);
        if (await this.makeRoom(journal, neededBytes)) await this.append(journal, group);
        else this.options.lose('historyLost', group.length);
        left -= group.length;
      }
      if (this.problemText !== undefined) this.options.onProblem?.(undefined);
      this.problemText = undefined;
    } catch (error) {
      this.options.lose('historyLost', left);
      this.fail(error);
    }
  }

  private append(journal: Journal, bodies: readonly Buffer[]): Promise<void> {
    const first = journal.unusedSequence;
    const wallMs = this.options.clock.wallMs();
    return journal.append(bodies.map((body, index) => ({ sequence: first + index, wallMs, body })));
  }

  /** @returns false when so much never fits */
  private async makeRoom(journal: Journal, neededBytes: number): Promise<boolean> {
    const { limitBytes } = this.options;
    const perFile = Math.min(blockBytes, Math.floor(journal.segmentBytes / 8));
    // What is written may begin a file of its own.
    const room = (): number =>
      limitBytes - journal.sizeBytes - (journal.fileCount + (neededBytes > 0 ? 1 : 0)) * perFile;
    if (neededBytes + perFile > limitBytes) return false;
    while (room() < neededBytes && journal.fileCount > 0) await journal.dropOldest(neededBytes);
    return true;
  }

  /** What was torn by a crash is counted once: recovery cuts it off, or puts it aside. */
  private async opened(): Promise<Journal> {
    if (this.journal !== undefined && this.problemText === undefined) return this.journal;
    const { directory, limitBytes, lose } = this.options;
    // Somebody may have removed it, or there was no room for it before.
    const place = await openDirectory(this.files, directory);
    if (this.journal !== undefined) return this.journal;
    const { files } = place;
    const segmentBytes = segmentBytesFor(limitBytes);
    const { journal, recovery } = await Journal.open({
      files,
      directory,
      name: historyJournal,
      segmentBytes,
    });
    const lost = recovery.tornEnds + recovery.quarantinedFiles + (place.wasPutAside ? 1 : 0);
    if (lost > 0) lose('historyLost', lost);
    // Where nothing can be reached, it is opened again for the next events.
    if (files === this.files) this.journal = journal;
    return journal;
  }

  private async removeAll(): Promise<void> {
    const { directory } = this.options;
    const names = await this.files.list(directory).catch((): readonly string[] => []);
    for (const name of names)
      if (name.startsWith(`${historyJournal}-`))
        await this.files.unlink(join(directory, name)).catch(() => undefined);
  }

  private fail(error: unknown): void {
    const isNew = this.problemText === undefined;
    this.problemText = reasonOf(error);
    if (isNew) this.options.onProblem?.(this.problemText);
  }
}

/** The events from `start` on that fill a segment together; at least one. */
function groupOf(bodies: readonly Buffer[], start: number, mostBytes: number): readonly Buffer[] {
  let end = start;
  let sizeBytes = 0;
  for (let body = bodies[end]; body !== undefined; body = bodies[++end]) {
    sizeBytes += recordBytes(body.length);
    if (end > start && sizeBytes > mostBytes) break;
  }
  return bodies.slice(start, end);
}
