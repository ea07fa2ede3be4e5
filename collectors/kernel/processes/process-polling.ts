import { readdirSync } from 'node:fs';
import type { Clock, Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Paths } from '../paths.js';
import {
  forkedWithoutExec,
  isNameBeforeExecution,
  kernelThread,
  pidsAmong,
  readStat,
} from './proc.js';

interface ProcessPollingOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** A process that was not there at the look before, and runs a program of its own. */
  readonly onProcess: (pid: number) => void;
  readonly lose: ReportLoss;
}

/**
 * How long a forked process has to call exec before it counts as a part of its parent, in looks and in time: on a busy
 * machine a child waits for a processor longer than a few quick looks take.
 */
const untilExec = { looks: 5, ms: 15_000 } as const;

/**
 * Looks at /proc at an interval.
 *
 * 1. What is there at the start is the baseline and never told.
 * 2. A new process is told once, when it has called exec; one that lives on as a copy of its parent is not. One that
 *    systemd is about to execute a program in is told again when it has.
 * 3. A look costs one listing and one small read for each pid that was not settled before.
 * 4. A look that comes later than two intervals after the one before is counted as `pollingGap`.
 */
export class ProcessPolling {
  private readonly settled = new Set<number>();
  /** The processes that have not called exec for their program: when each was seen first, and how often. */
  private readonly young = new Map<number, { readonly sinceMs: number; looks: number }>();
  /** Of the young, those that were told with the name that systemd gave them for the time being. */
  private readonly passing = new Set<number>();
  private timer: Timer | undefined;
  private lastMs = 0;

  constructor(private readonly options: ProcessPollingOptions) {}

  /** Takes the baseline. Throws when /proc cannot be listed. */
  start(): void {
    for (const pid of this.pids()) this.settled.add(pid);
    this.lastMs = this.options.clock.monotonicMs();
    this.schedule();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private schedule(): void {
    const { clock, intervalMs } = this.options;
    this.timer = clock.after(intervalMs, () => {
      this.look();
      if (this.timer !== undefined) this.schedule();
    });
  }

  private look(): void {
    const { clock, intervalMs, lose } = this.options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.lastMs > 2 * intervalMs) lose('pollingGap', 1);
    this.lastMs = nowMs;
    let pids: number[];
    try {
      pids = this.pids();
    } catch {
      // No memory or no descriptors for it: neither lasts, and who came is seen at the next look.
      lose('pollingGap', 1);
      return;
    }
    this.forget(new Set(pids));
    for (const pid of pids) {
      if (!this.settled.has(pid)) this.examine(pid);
    }
  }

  private examine(pid: number): void {
    const stat = readStat(this.options.paths, pid);
    if (stat === undefined) return;
    if ((stat.flags & kernelThread) !== 0) {
      this.settled.add(pid);
    } else if ((stat.flags & forkedWithoutExec) === 0) {
      const isPassing = isNameBeforeExecution(stat.comm);
      const isKnown = isPassing && this.passing.has(pid);
      if (!isKnown) this.options.onProcess(pid);
      if (isPassing && !this.hasWaitedEnough(pid)) {
        this.passing.add(pid);
        return;
      }
      this.passing.delete(pid);
      this.young.delete(pid);
      this.settled.add(pid);
    } else if (this.hasWaitedEnough(pid)) {
      this.young.delete(pid);
      this.settled.add(pid);
    }
  }

  private hasWaitedEnough(pid: number): boolean {
    const seen = this.young.get(pid) ?? { sinceMs: this.lastMs, looks: 0 };
    this.young.set(pid, seen);
    seen.looks++;
    return seen.looks >= untilExec.looks && this.lastMs - seen.sinceMs >= untilExec.ms;
  }

  private forget(present: ReadonlySet<number>): void {
    for (const pid of this.settled) if (!present.has(pid)) this.settled.delete(pid);
    for (const pid of this.young.keys()) if (!present.has(pid)) this.young.delete(pid);
    for (const pid of this.passing) if (!present.has(pid)) this.passing.delete(pid);
  }

  private pids(): number[] {
    return pidsAmong(readdirSync(this.options.paths.procRoot));
  }
}
