import { createHash } from 'node:crypto';
import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, open, readlink, stat } from 'node:fs/promises';
import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';
import { Turns } from '../../../base/turns.js';
import type { Paths } from '../paths.js';

/** The program of a process, with whatever proves which file it was. */
export interface ExecutedFile {
  readonly pid: number;
  /** As the process itself sees it; may lie in another mount namespace. */
  readonly path: string;
  /** Wall clock of the execution, in milliseconds. */
  readonly timeMs: number;
  /** Device and inode numbers that the kernel recorded for the program. */
  readonly candidates?: readonly FileIdentity[];
}

export interface FileIdentity {
  /** As in stat(2) `st_dev`. */
  readonly device: bigint;
  readonly inode: bigint;
}

interface ExecutableHashesOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  /** 0 hashes nothing. */
  readonly bytesPerSecond: number;
  readonly largestFileBytes?: number;
  readonly mostEntries?: number;
  readonly mostWaiting?: number;
}

/** One read: 1–2 ms of hashing on a slow board, the longest that the event loop is held. */
const chunkBytes = 64 * 1024;
const mostLooking = 1024;

/**
 * SHA-256 of executables.
 *
 * 1. A hash is only given for the very file that was executed: the kernel recorded its device and inode, or the
 *    process still runs it. A file that changed since is not hashed.
 * 2. A file is read once for each device, inode, size and ctime, and looked at once for all who asked before the look,
 *    however many they are.
 * 3. Over any time no more than `bytesPerSecond`, and one second's worth at once, is read.
 * 4. Memory is bounded: the least recently used entries go, and too many waiting files are refused.
 * 5. Files are looked up one at a time and read one at a time, so that a file system that hangs holds two threads of
 *    Node's pool and no more.
 */
export class ExecutableHashes {
  private readonly known: BoundedMap<string, string>;
  private readonly pending = new Map<string, Promise<string>>();
  /** Those that asked for one file before the look at it began: what it sees holds for all of them. */
  private readonly gathered = new Map<string, Question[]>();
  private readonly options: Required<ExecutableHashesOptions>;
  private readonly looks = new Turns();
  private looking = 0;
  private readonly reads = new Turns();
  private tokens: number;
  private filledMs: number;
  private stopped = false;
  private endWait: () => void = () => undefined;

  constructor(options: ExecutableHashesOptions) {
    this.options = {
      largestFileBytes: 256 * 1024 * 1024,
      mostEntries: 4096,
      mostWaiting: 64,
      ...options,
    };
    this.known = new BoundedMap(this.options.mostEntries);
    this.tokens = options.bytesPerSecond;
    this.filledMs = options.clock.monotonicMs();
  }

  /** False when the setting asks for no hashes. */
  get enabled(): boolean {
    return this.options.bytesPerSecond > 0;
  }

  /**
   * @param told called once, with the hash in lower-case hex, or '' when it cannot be known; perhaps at once
   */
  hashOf(executed: ExecutedFile, told: (hash: string) => void): void {
    if (!this.enabled || this.stopped || this.looking >= mostLooking) {
      told('');
      return;
    }
    this.looking++;
    const file = recordedFile(executed);
    const gathered = file === undefined ? undefined : this.gathered.get(file);
    if (gathered !== undefined) {
      gathered.push({ executed, told });
      return;
    }
    const questions = [{ executed, told }];
    if (file !== undefined) this.gathered.set(file, questions);
    void this.looks.run(async () => {
      // What happens from now on, this look may not see.
      if (file !== undefined) this.gathered.delete(file);
      await this.look(questions).catch(() => undefined);
      this.looking -= questions.length;
    });
  }

  /** Ends the work at hand; whoever waits gets ''. */
  stop(): void {
    this.stopped = true;
    this.endWait();
  }

  /** Answers all of them, at the latest when the file is hashed. */
  private async look(questions: readonly Question[]): Promise<void> {
    const [first] = questions;
    const atPath = this.stopped || !first ? undefined : await recordedAtPath(first.executed);
    const proven: Question[] = [];
    const others: Question[] = [];
    for (const question of questions) {
      const isProven = atPath !== undefined && isUnchanged(atPath.stats, question.executed.timeMs);
      (isProven ? proven : others).push(question);
    }
    await this.answer(proven, atPath);
    for (const question of others) {
      const running = this.stopped ? undefined : await this.runBy(question.executed);
      await this.answer([question], running);
    }
  }

  private async answer(
    questions: readonly Question[],
    located: Located | undefined,
  ): Promise<void> {
    const tell = (hash: string): void => {
      for (const { told } of questions) told(hash);
    };
    if (questions.length === 0) return;
    const found = located === undefined ? '' : await this.lookUp(located).catch(() => '');
    if (typeof found === 'string') tell(found);
    else found.hash.then(tell, () => tell(''));
  }

  /** The file that the process still runs: of that there is no doubt. */
  private async runBy({ path, pid }: ExecutedFile): Promise<Located | undefined> {
    const link = `${this.options.paths.procRoot}/${pid}/exe`;
    if ((await readlink(link).catch(() => undefined)) !== path) return undefined;
    const stats = await stat(link, { bigint: true }).catch(() => undefined);
    return stats && { path: link, stats };
  }

  private async lookUp({ path, stats }: Located): Promise<string | Reading> {
    const version = versionOf(stats);
    const known = this.known.get(version);
    if (known !== undefined) {
      this.known.set(version, known);
      return known;
    }
    const pending = this.pending.get(version);
    if (pending !== undefined) return { hash: pending };
    const { largestFileBytes, mostWaiting } = this.options;
    if (!stats.isFile() || stats.size > largestFileBytes) return '';
    if (this.pending.size >= mostWaiting) return '';
    // Opened at once, read in turn: a process that ends takes its /proc/PID/exe along.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const hash = this.hashFile(file, version).finally(() => this.pending.delete(version));
    this.pending.set(version, hash);
    return { hash };
  }

  private async hashFile(file: FileHandle, version: string): Promise<string> {
    const hash = await this.reads.run(() => this.read(file, version));
    if (hash !== '') this.known.set(version, hash);
    return hash;
  }

  private async read(file: FileHandle, version: string): Promise<string> {
    try {
      const stats = await file.stat({ bigint: true });
      if (versionOf(stats) !== version) return '';
      const hash = createHash('sha256');
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, this.options.bytesPerSecond));
      for (let left = Number(stats.size); left > 0;) {
        const wantedBytes = Math.min(left, chunk.length);
        await this.takeTokens(wantedBytes);
        if (this.stopped) return '';
        const { bytesRead } = await file.read(chunk, 0, wantedBytes, null);
        if (bytesRead === 0) break;
        left -= bytesRead;
        hash.update(chunk.subarray(0, bytesRead));
      }
      return versionOf(await file.stat({ bigint: true })) === version ? hash.digest('hex') : '';
    } finally {
      await file.close();
    }
  }

  /** Waits until the bucket holds `count`, no more than a second's worth, and takes them. */
  private async takeTokens(count: number): Promise<void> {
    const { clock, bytesPerSecond } = this.options;
    while (!this.stopped) {
      const nowMs = clock.monotonicMs();
      const refilled = this.tokens + ((nowMs - this.filledMs) * bytesPerSecond) / 1000;
      this.tokens = Math.min(bytesPerSecond, refilled);
      this.filledMs = nowMs;
      if (this.tokens >= count) {
        this.tokens -= count;
        return;
      }
      const delayMs = Math.ceil(((count - this.tokens) * 1000) / bytesPerSecond);
      await new Promise<void>((resolve) => {
        const timer = clock.after(delayMs, resolve);
        this.endWait = () => {
          timer.cancel();
          resolve();
        };
      });
    }
  }
}

/** Wrapped, so that whoever waits for the look does not wait for the reading as well. */
interface Reading {
  readonly hash: Promise<string>;
}

interface Question {
  readonly executed: ExecutedFile;
  readonly told: (hash: string) => void;
}

interface Located {
  readonly path: string;
  readonly stats: BigIntStats;
}

/** Names the file that the kernel recorded, with the path to look at; undefined where it recorded none, or several. */
function recordedFile({ candidates, path }: ExecutedFile): string | undefined {
  const [file, ...others] = candidates ?? [];
  if (file === undefined || others.length > 0) return undefined;
  return `${file.device}:${file.inode}:${path}`;
}

/** What lies at the path, if it is what the kernel recorded. */
async function recordedAtPath(executed: ExecutedFile): Promise<Located | undefined> {
  const { path, candidates = [] } = executed;
  if (candidates.length === 0) return undefined;
  const stats = await stat(path, { bigint: true }).catch(() => undefined);
  const isRecorded = candidates.some(
    ({ device, inode }) => device === stats?.dev && inode === stats.ino,
  );
  return stats !== undefined && isRecorded ? { path, stats } : undefined;
}

/** Whether the file is what it was at `timeMs`. */
function isUnchanged({ ctimeNs }: BigIntStats, timeMs: number): boolean {
  return ctimeNs / 1_000_000n <= BigInt(Math.ceil(timeMs));
}

function versionOf({ dev, ino, size, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${ctimeNs}`;
}
