import type { Clock, Timer } from '../../../base/clock.js';
import type { ExitEvent } from './proc-connector-messages.js';
import type { ProcessRecord } from './process-record.js';

interface ProcessEndingsOptions {
  readonly clock: Clock;
  /** Whether threads of the process run on, though its first one has ended. */
  readonly hasOtherThreads: (pid: number) => boolean;
  readonly onEnd: (record: ProcessRecord, exit: ExitEvent) => void;
}

interface Ending {
  readonly record: ProcessRecord;
  exit: ExitEvent;
  /** Monotonic; undefined while other threads run on. */
  dueMs: number | undefined;
}

/** As long as the kernel may take to end the other threads. */
const settleMs = 100;

/**
 * Tells when a process with threads has ended. Its first thread carries the pid, but may end before the others
 * (pthread_exit(3) in main), or because another one executes a program, which then takes over the pid (execve(2)).
 *
 * 1. A process ends once, when none of its threads runs any more, and not while it executes another program.
 * 2. It ends with the status of the thread that ended last: exit_group(2) gives the same one to all.
 */
export class ProcessEndings {
  private readonly endings = new Map<number, Ending>();
  private timer: Timer | undefined;

  constructor(private readonly options: ProcessEndingsOptions) {}

  firstThreadEnded(record: ProcessRecord, exit: ExitEvent): void {
    this.endings.set(record.pid, { record, exit, dueMs: this.soonMs() });
    this.schedule();
  }

  otherThreadEnded(exit: ExitEvent): void {
    const ending = this.endings.get(exit.pid);
    if (ending === undefined) return;
    ending.exit = exit;
    ending.dueMs ??= this.soonMs();
    this.schedule();
  }

  executed(pid: number): void {
    this.endings.delete(pid);
  }

  /** The pid belongs to another process now. */
  replaced(pid: number): void {
    const ending = this.endings.get(pid);
    if (ending !== undefined) this.end(ending);
  }

  /** Tells what waits only to be sure. */
  flush(): void {
    for (const ending of this.endings.values()) {
      if (ending.dueMs !== undefined) this.end(ending);
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.endings.clear();
  }

  private end({ record, exit }: Ending): void {
    this.endings.delete(record.pid);
    this.options.onEnd(record, exit);
  }

  private look(): void {
    const nowMs = this.options.clock.monotonicMs();
    for (const ending of this.endings.values()) {
      if (ending.dueMs === undefined || ending.dueMs > nowMs) continue;
      if (this.options.hasOtherThreads(ending.record.pid)) ending.dueMs = undefined;
      else this.end(ending);
    }
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== undefined) return;
    if (![...this.endings.values()].some(({ dueMs }) => dueMs !== undefined)) return;
    this.timer = this.options.clock.after(settleMs, () => {
      this.timer = undefined;
      this.look();
    });
  }

  private soonMs(): number {
    return this.options.clock.monotonicMs() + settleMs;
  }
}
