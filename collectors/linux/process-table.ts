import type { Clock, Timer } from '../clock.js';
import { isUnavailable, type Unavailable } from '../collector.js';
import type { ReportLoss } from '../loss.js';
import type { Paths } from './paths.js';
import { kernelThread, listPids, readExecutable, readProcess, readStat } from './proc.js';
import type { ProcessEvents, ProcessEventSubscription } from './proc-connector.js';
import type { ExitEvent, ForkEvent, ProcessEvent } from './proc-connector-messages.js';
import { type ProcessRecord, ProcessStore, type ProgramFacts } from './process-store.js';

/** What is known of a process, alive or ended lately. Absent members are not known. */
export interface ProcessInfo extends ProgramFacts {
  readonly pid: number;
  readonly parentPid?: number;
}

/** A process that ended. */
export interface EndedProcess {
  /** Wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly pid: number;
  /** What it handed to exit(2), 0–255; 0 when a signal ended it. */
  readonly exitCode: number;
  /** Number of the signal that ended it; 0 when none did. */
  readonly signal: number;
  /** The program it ran last; undefined while a source of executions owes it, and when nothing is known. */
  program(): ProgramFacts | undefined;
  /** Resolves when `program` cannot become better known; may never. */
  readonly told: Promise<void>;
}

export interface ProcessFollower {
  readonly onEnd?: (process: EndedProcess) => void;
  readonly lose?: ReportLoss;
  /** The kernel's process events ended for good, and this following with them. */
  readonly onFailed: (error: Error) => void;
}

/** A source of executions that tells more than the process events do. */
export interface ProgramFeed {
  /** @param timeMs when it was executed, wall clock */
  executed(pid: number, parentPid: number | undefined, facts: ProgramFacts, timeMs: number): void;
  end(): void;
}

/** Looks processes up for collectors that learn of something a process did. */
export interface Processes {
  /**
   * The process that had this pid at `atMs` (wall clock, ms; now when absent), alive or ended less than a minute ago.
   * Undefined when nothing is known of it any more. May read /proc; never throws.
   */
  of(pid: number, atMs?: number): ProcessInfo | undefined;
  /** Keeps the table up to date with every fork, exec and exit from the moment it resolves. */
  follow(follower: ProcessFollower): Promise<{ end(): void } | Unavailable>;
  /** Announces that every execution will be told, so that the table need not read /proc for it. */
  feed(): ProgramFeed;
}

interface ProcessTableOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly events: ProcessEvents;
  /** Time since boot, suspended time included, as the start times of /proc count it. */
  readonly uptimeMs: () => number;
}

/** The clock of audit is a tick of up to 10 ms late, and so is a start time of /proc (USER_HZ). */
const slackMs = 50;
const msPerTick = 10;
/** After a loss, until the burst that caused it is over. */
const lookAgainMs = 1000;
/** From the call of execve to its announcement, on slow storage. */
const longestExecutionMs = 1000;
const mostUntold = 16;

/**
 * The processes of the device: who runs what, and whose child it is.
 *
 * 1. A pid names a process only together with a time: what is told or asked of another time is another process.
 * 2. A fork runs its parent's program until it executes one. The facts of an execution may come before or after the
 *    process event that announces it, and reach the processes that were forked since.
 * 3. Without process events nothing is believed of a living process that /proc does not confirm.
 * 4. After a loss of events /proc is looked at again.
 */
export class ProcessTable implements Processes {
  private readonly store: ProcessStore;
  private readonly followers = new Set<ProcessFollower>();
  private following: Promise<ProcessEventSubscription | Unavailable> | undefined;
  /** Every fork, exec and exit is being told. */
  private current = false;
  private feeds = 0;
  private lookAgain: Timer | undefined;

  constructor(private readonly options: ProcessTableOptions) {
    this.store = new ProcessStore(options.clock);
  }

  of(pid: number, atMs = this.options.clock.wallMs()): ProcessInfo | undefined {
    const record = this.recordAt(pid, atMs);
    if (record === undefined) return undefined;
    const { parentPid, program } = record;
    return { pid, ...(parentPid !== undefined && { parentPid }), ...program.facts };
  }

  async follow(follower: ProcessFollower): Promise<{ end(): void } | Unavailable> {
    this.followers.add(follower);
    this.following ??= this.begin();
    const following = this.following;
    const subscription = await following;
    if (isUnavailable(subscription)) {
      this.followers.delete(follower);
      if (this.following === following) this.following = undefined;
      return subscription;
    }
    return {
      end: () => {
        if (!this.followers.delete(follower) || this.followers.size > 0) return;
        this.stopFollowing();
        subscription.end();
      },
    };
  }

  feed(): ProgramFeed {
    this.feeds++;
    let open = true;
    return {
      executed: (pid, parentPid, facts, timeMs) => this.executed(pid, parentPid, facts, timeMs),
      end: () => {
        if (open) this.feeds--;
        open = false;
      },
    };
  }

  private async begin(): Promise<ProcessEventSubscription | Unavailable> {
    const subscription = await this.options.events.subscribe({
      // With a feed nothing of /proc is read while it is fresh, and many events can be read at once.
      isFresh: () => this.feeds === 0,
      onEvent: (event) => this.take(event),
      lose: (cause, count) => {
        for (const { lose } of this.followers) lose?.(cause, count);
        if (cause !== 'socketOverflow') return;
        this.lookAgain?.cancel();
        this.lookAgain = this.options.clock.after(lookAgainMs, () => this.look());
      },
      onFailed: (error) => {
        const failed = [...this.followers];
        this.followers.clear();
        this.stopFollowing();
        for (const follower of failed) follower.onFailed(error);
      },
    });
    if (isUnavailable(subscription)) return subscription;
    this.current = true;
    this.look();
    return subscription;
  }

  private stopFollowing(): void {
    this.following = undefined;
    this.current = false;
    this.lookAgain?.cancel();
  }

  /** Takes over what runs already: when it ends its program can no longer be read. */
  private look(): void {
    const { clock, paths } = this.options;
    const present = new Set(listPids(paths));
    for (const pid of this.store.livingPids()) {
      if (!present.has(pid)) this.store.end(pid, clock.wallMs());
    }
    for (const pid of present) {
      const known = this.store.living(pid);
      const stat = readStat(paths, pid);
      if (stat === undefined) continue;
      const startedMs = this.wallOf(stat.startTicks);
      const same = known !== undefined && isSameStart(known.startedMs, startedMs);
      if (same && known.program.facts !== undefined) continue;
      const executable = readExecutable(paths, pid);
      const facts = executable === undefined ? {} : { executable };
      if (same) {
        this.store.tell(known.program, facts, false);
        continue;
      }
      const program = this.store.newProgram(facts, false);
      const kernel = (stat.flags & kernelThread) !== 0;
      this.store.begin(pid, stat.parentPid, startedMs, program, kernel);
    }
  }

  private take(event: ProcessEvent): void {
    switch (event.kind) {
      case 'fork':
        this.forked(event);
        return;
      case 'exec':
        this.announced(event.pid, event.timeMs);
        return;
      case 'exit':
        this.exited(event);
        return;
    }
  }

  private forked({ pid, parentPid, timeMs }: ForkEvent): void {
    const known = this.store.living(pid);
    if (known !== undefined && timeMs <= known.startedMs + slackMs) {
      // Its execution, or a look at /proc, was quicker.
      known.startedMs = timeMs;
      known.parentPid = parentPid;
      return;
    }
    const parent = this.store.living(parentPid) ?? this.readLiving(parentPid, timeMs);
    const program = parent?.program ?? this.store.newProgram({});
    this.store.begin(pid, parentPid, timeMs, program, parent?.kernel ?? false);
  }

  private announced(pid: number, timeMs: number): void {
    const program = this.store.newProgram();
    const record =
      this.store.living(pid) ?? this.store.begin(pid, undefined, timeMs, this.store.newProgram({}));
    if (record.unannounced > 0 && timeMs - record.toldMs < longestExecutionMs) {
      record.unannounced--;
      return;
    }
    record.unannounced = 0;
    this.store.execute(record, program);
    if (this.feeds > 0) {
      record.untold.push(program);
      if (record.untold.length > mostUntold) record.untold.shift();
    } else {
      this.store.tell(program, readProcess(this.options.paths, pid) ?? {});
    }
  }

  private executed(
    pid: number,
    parentPid: number | undefined,
    facts: ProgramFacts,
    timeMs: number,
  ): void {
    const record = this.executing(pid, parentPid, timeMs);
    const owed = record.untold.shift();
    if (owed !== undefined) {
      this.store.tell(owed, facts);
      return;
    }
    if (record.endedMs !== undefined) return;
    this.store.execute(record, this.store.newProgram(facts));
    record.unannounced = this.current ? record.unannounced + 1 : 0;
    record.toldMs = timeMs;
  }

  /** The process whose execution at that time is told now. */
  private executing(pid: number, parentPid: number | undefined, timeMs: number): ProcessRecord {
    const living = this.store.living(pid);
    if (living !== undefined && living.startedMs <= timeMs + slackMs) return living;
    const ended = this.store.ended(pid);
    if (ended?.endedMs !== undefined && timeMs <= ended.endedMs + slackMs) return ended;
    return this.store.begin(pid, parentPid, timeMs, this.store.newProgram({}));
  }

  private exited({ pid, exitCode, signal, timeMs }: ExitEvent): void {
    const record = this.store.end(pid, timeMs) ?? this.endedSince(pid, timeMs);
    if (record?.kernel === true) return;
    const program = record?.program;
    const told =
      program === undefined || program.facts !== undefined
        ? Promise.resolve()
        : new Promise<void>((resolve) => program.waiting.push(resolve));
    const ended = { pid, exitCode, signal, timeMs, told, program: () => program?.facts };
    for (const { onEnd } of this.followers) onEnd?.(ended);
  }

  /** A process that was found missing before its end was told. */
  private endedSince(pid: number, timeMs: number): ProcessRecord | undefined {
    const ended = this.store.ended(pid);
    return ended?.endedMs !== undefined && ended.endedMs >= timeMs ? ended : undefined;
  }

  private recordAt(pid: number, atMs: number): ProcessRecord | undefined {
    const { paths, clock } = this.options;
    const living = this.store.living(pid);
    const ended = this.store.ended(pid);
    if (living === undefined || living.startedMs > atMs + slackMs) {
      if (ended?.endedMs !== undefined && atMs <= ended.endedMs + slackMs) return ended;
      return this.readLiving(pid, atMs);
    }
    if (this.current && living.program.facts !== undefined && living.program.whole) return living;
    const stat = readStat(paths, pid);
    if (stat === undefined) return this.current ? living : this.store.end(pid, clock.wallMs());
    if (this.wallOf(stat.startTicks) > living.startedMs + slackMs) {
      this.store.end(pid, this.wallOf(stat.startTicks));
      return this.readLiving(pid, atMs);
    }
    const { facts, whole } = living.program;
    const believed = facts !== undefined && whole && (this.current || this.feeds > 0);
    if (!believed) this.store.tell(living.program, readProcess(paths, pid) ?? facts ?? {});
    return living;
  }

  /** Reads a process that the table does not know; one that started after `atMs` is another. */
  private readLiving(pid: number, atMs: number): ProcessRecord | undefined {
    const facts = readProcess(this.options.paths, pid);
    if (facts === undefined) return undefined;
    const startedMs = this.wallOf(facts.startTicks);
    if (startedMs > atMs + slackMs) return undefined;
    const kernel = (facts.flags & kernelThread) !== 0;
    return this.store.begin(pid, facts.parentPid, startedMs, this.store.newProgram(facts), kernel);
  }

  private wallOf(startTicks: number): number {
    const { clock, uptimeMs } = this.options;
    return clock.wallMs() - uptimeMs() + startTicks * msPerTick;
  }
}

function isSameStart(a: number, b: number): boolean {
  return Math.abs(a - b) <= slackMs;
}
