import type { Clock, Timer } from '../clock.js';
import { isUnavailable, type Unavailable } from '../collector.js';
import type { Paths } from './paths.js';
import { PresentProcesses } from './present-processes.js';
import { hasOtherThreads, listPids } from './proc.js';
import type { ProcessEvents, ProcessEventSubscription } from './proc-connector.js';
import type { ExitEvent, ForkEvent, ProcessEvent } from './proc-connector-messages.js';
import { ProcessEndings } from './process-endings.js';
import type { ProcessFollower, ProcessInfo, Processes, ProgramFeed } from './processes.js';
import { type ProcessRecord, ProcessStore, type ProgramFacts } from './process-store.js';

interface ProcessTableOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly events: ProcessEvents;
  /** Time since boot, suspended time included, as the start times of /proc count it. */
  readonly uptimeMs: () => number;
}

/** The clock of audit is a tick of up to 10 ms late, and so is a start time of /proc (USER_HZ). */
const slackMs = 50;
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
  private readonly present: PresentProcesses;
  private readonly followers = new Set<ProcessFollower>();
  private following: Promise<ProcessEventSubscription | Unavailable> | undefined;
  /** Every fork, exec and exit is being told. */
  private current = false;
  private feeds = 0;
  private lookAgain: Timer | undefined;
  private readonly endings: ProcessEndings;

  constructor(private readonly options: ProcessTableOptions) {
    this.store = new ProcessStore(options.clock);
    this.present = new PresentProcesses(options);
    this.endings = new ProcessEndings({
      clock: options.clock,
      hasOtherThreads: (pid) => hasOtherThreads(options.paths, pid),
      onEnd: (record, exit) => {
        if (this.store.living(record.pid) === record) this.store.end(record.pid, exit.timeMs);
        this.tellEnd(exit, record);
      },
    });
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
        this.endings.flush();
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
    this.endings.clear();
  }

  /** Takes over what runs already: when it ends its program can no longer be read. */
  private look(): void {
    const { clock, paths } = this.options;
    const pids = new Set(listPids(paths));
    for (const pid of this.store.livingPids()) {
      if (!pids.has(pid)) this.store.end(pid, clock.wallMs());
    }
    for (const pid of pids) {
      const found = this.present.readBriefly(pid);
      if (found === undefined) continue;
      const { parentPid, startedMs, kernel, facts } = found;
      const known = this.store.living(pid);
      if (known === undefined || Math.abs(known.startedMs - startedMs) > slackMs) {
        this.store.begin(pid, parentPid, startedMs, this.store.newProgram(facts, false), kernel);
      } else if (known.program.facts === undefined) {
        this.store.tell(known.program, facts, false);
      }
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
      case 'thread': {
        const record = this.store.living(event.pid);
        if (record !== undefined) record.threaded = true;
        return;
      }
      case 'exit':
        this.exited(event);
        return;
      case 'thread-exit':
        this.endings.otherThreadEnded(event);
        return;
    }
  }

  private forked({ pid, parentPid, timeMs }: ForkEvent): void {
    this.endings.replaced(pid);
    const known = this.store.living(pid);
    if (known !== undefined && timeMs <= known.startedMs + slackMs) {
      // Its execution, or a look at /proc, was quicker.
      known.startedMs = timeMs;
      known.parentPid = parentPid;
      known.threaded = false;
      return;
    }
    const parent = this.store.living(parentPid) ?? this.readLiving(parentPid, timeMs);
    const program = parent?.program ?? this.store.newProgram({});
    const record = this.store.begin(pid, parentPid, timeMs, program, parent?.kernel ?? false);
    record.threaded = false;
  }

  private announced(pid: number, timeMs: number): void {
    const program = this.store.newProgram();
    const record =
      this.store.living(pid) ?? this.store.begin(pid, undefined, timeMs, this.store.newProgram({}));
    // Whichever thread executes is the only one left.
    this.endings.executed(pid);
    record.threaded = false;
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
      this.store.tell(program, this.present.read(pid)?.facts ?? {});
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

  private exited(exit: ExitEvent): void {
    const living = this.store.living(exit.pid);
    if (living?.threaded === true && !living.kernel) {
      this.endings.firstThreadEnded(living, exit);
      return;
    }
    const record = this.store.end(exit.pid, exit.timeMs) ?? this.endedSince(exit.pid, exit.timeMs);
    if (record?.kernel !== true) this.tellEnd(exit, record);
  }

  private tellEnd(exit: ExitEvent, record: ProcessRecord | undefined): void {
    const { pid, exitCode, signal, timeMs } = exit;
    const program = record?.program;
    const told = program === undefined ? Promise.resolve() : this.store.told(program);
    const ended = { pid, exitCode, signal, timeMs, told, program: () => program?.facts };
    for (const { onEnd } of this.followers) onEnd?.(ended);
  }

  /** A process that was found missing before its end was told. */
  private endedSince(pid: number, timeMs: number): ProcessRecord | undefined {
    const ended = this.store.ended(pid);
    return ended?.endedMs !== undefined && ended.endedMs >= timeMs ? ended : undefined;
  }

  private recordAt(pid: number, atMs: number): ProcessRecord | undefined {
    const living = this.store.living(pid);
    const ended = this.store.ended(pid);
    if (living === undefined || living.startedMs > atMs + slackMs) {
      if (ended?.endedMs !== undefined && atMs <= ended.endedMs + slackMs) return ended;
      return this.readLiving(pid, atMs);
    }
    const { facts, whole } = living.program;
    if (this.current && facts !== undefined && whole) return living;
    const startedMs = this.present.startedMs(pid);
    if (startedMs === undefined) {
      return this.current ? living : this.store.end(pid, this.options.clock.wallMs());
    }
    if (startedMs > living.startedMs + slackMs) {
      this.store.end(pid, startedMs);
      return this.readLiving(pid, atMs);
    }
    const believed = facts !== undefined && whole && this.feeds > 0;
    if (!believed) this.store.tell(living.program, this.present.read(pid)?.facts ?? facts ?? {});
    return living;
  }

  /** Reads a process that the table does not know; one that started after `atMs` is another. */
  private readLiving(pid: number, atMs: number): ProcessRecord | undefined {
    const found = this.present.read(pid);
    if (found === undefined || found.startedMs > atMs + slackMs) return undefined;
    const { parentPid, startedMs, kernel, facts } = found;
    return this.store.begin(pid, parentPid, startedMs, this.store.newProgram(facts), kernel);
  }
}
