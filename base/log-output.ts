import { Writable } from 'node:stream';
import type { Clock } from './clock.js';
import { plainReason } from './errors.js';

/** What became of lines while they could not be written. */
export interface LogGap {
  readonly lost: number;
  /** Written after the gap. */
  readonly late: number;
  /** Why they could not be written. */
  readonly reason: string;
}

interface LogOutputOptions {
  readonly stream: Writable;
  /** Opens another stream when the one in use is broken; absent where none can be had. */
  readonly reopen?: () => Promise<Writable>;
  readonly clock: Clock;
}

/** What waits in a stream whose reader does not read, and what is kept for the next stream; bytes, about. */
const mostWaitingBytes = 256 * 1024;
/** From one attempt to open a stream to the next. */
const reopenMs = 10_000;

/**
 * Where the log goes: standard error, and a new stream to the journal when that one breaks, as it does when the journal
 * is stopped. It takes a line for each write.
 *
 * 1. It never fails, and nobody waits for it.
 * 2. A line that cannot be written is kept until there is a stream again, or counted as lost.
 * 3. What waits in a stream and what is kept for the next one take about `mostWaitingBytes` each.
 * 4. One stream is opened at a time, and one in `reopenMs` at most.
 */
export class LogOutput extends Writable {
  /** Undefined while there is none that can be written. */
  private stream: Writable | undefined;
  private readonly kept: string[] = [];
  private keptBytes = 0;
  private lost = 0;
  private late = 0;
  private reason: string | undefined;
  private opening = false;
  private lastOpenMs = -Infinity;
  private onLost: (count: number) => void = () => undefined;
  private onRegained: (gap: LogGap) => void = () => undefined;

  constructor(private readonly options: LogOutputOptions) {
    super({ decodeStrings: false });
    this.use(options.stream);
  }

  /** Why lines are not written now; undefined while they are. */
  get problem(): string | undefined {
    return this.reason;
  }

  /** Is called with the number of lines that will never be written, whenever there are some. */
  countLost(listener: (count: number) => void): void {
    this.onLost = listener;
    if (this.lost > 0) listener(this.lost);
  }

  /** Is called when lines are written again. */
  whenRegained(listener: (gap: LogGap) => void): void {
    this.onRegained = listener;
  }

  override _write(line: string, _encoding: BufferEncoding, done: () => void): void {
    this.put(line);
    done();
  }

  private put(line: string): void {
    const { stream } = this;
    if (stream === undefined) this.keep(line);
    else if (stream.writableLength > mostWaitingBytes) this.lose('its reader does not read');
    else
      stream.write(line, (error) => {
        if (error) this.refused(stream, line, error);
        else this.written(stream);
      });
  }

  private use(stream: Writable): void {
    this.stream = stream;
    // The callback of each write tells it, too; without a listener it is thrown.
    stream.on('error', () => undefined);
    stream.once('close', () => this.leave(stream));
  }

  /** Standard error is never closed (Node, "A note on process I/O"), other streams are. */
  private leave(stream: Writable): void {
    if (this.stream === stream && this.options.reopen !== undefined) this.stream = undefined;
  }

  private refused(stream: Writable, line: string, error: Error): void {
    // A pipe without a reader stays so; a full disk does not.
    if (this.options.reopen === undefined) {
      this.lose(plainReason(error));
      return;
    }
    this.reason = plainReason(error);
    this.leave(stream);
    this.put(line);
  }

  private written(stream: Writable): void {
    const { reason, lost, late } = this;
    if (reason === undefined || stream.writableLength > 0) return;
    this.reason = undefined;
    [this.lost, this.late] = [0, 0];
    this.onRegained({ lost, late, reason });
  }

  private lose(reason: string): void {
    this.reason = reason;
    this.lost++;
    this.onLost(1);
  }

  private keep(line: string): void {
    this.reason ??= 'its reader has closed it';
    if (this.keptBytes + line.length > mostWaitingBytes) this.lose(this.reason);
    else {
      this.kept.push(line);
      this.keptBytes += line.length;
    }
    this.reopen();
  }

  /** At once the first time, and never again and again. */
  private reopen(): void {
    const { clock, reopen } = this.options;
    if (this.opening || reopen === undefined) return;
    this.opening = true;
    const waitMs = this.lastOpenMs + reopenMs - clock.monotonicMs();
    const open = async (): Promise<void> => {
      this.lastOpenMs = clock.monotonicMs();
      try {
        this.use(await reopen());
      } catch (error) {
        this.reason = plainReason(error);
      }
      this.opening = false;
      if (this.stream === undefined) this.reopen();
      else this.writeKept();
    };
    if (waitMs <= 0) void open();
    else clock.after(waitMs, () => void open());
  }

  private writeKept(): void {
    const lines = this.kept.splice(0);
    this.keptBytes = 0;
    this.late += lines.length;
    for (const line of lines) this.put(line);
  }
}
