import type { Clock, Timer } from '../../../base/clock.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import type { Paths } from '../paths.js';
import { type PresentProcess, PresentProcesses } from './present-processes.js';
import { hasOtherThreads, listPids } from './proc.js';
import type { ProcessEvents, ProcessEventSubscription } from './proc-connector.js';
import type { ExitEvent, ForkEvent, ProcessEvent } from './proc-connector-messages.js';
import { ProcessEndings } from './process-endings.js';
import {
  clockErrorMs,
  type Execution,
  type Moment,
  type ProcessRecord,
  type ProgramFacts,
  readErrorMs,
  slackMs,
} from './process-record.js';
import { ProcessStore } from './process-store.js';
import type { Doer, ProcessFollower, ProcessInfo, Processes, ProgramFeed } from './processes.js';

interface ProcessTableOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly events: ProcessEvents;
  /** Time since boot, suspended time included, as the start times of /proc count it. */
  readonly uptimeMs: () => number;
}

/** After a loss, until the burst that caused it is over. */
const lookAgainMs = 1000;

/**
 * The processes of the device: who ran what at which moment, and whose child it is.
 *
 * 1. A pid names a process only together with a time: what is told or asked of another time is another process.
 * 2. A fork runs its parent's program until it executes one. What was executed stays known when something else is
 *    executed, and after the end, so that what is late is answered as of its own moment.
 * 3. The order of all of this is that of the process events. The facts of an execution may come before or after its
 *    event, and reach the processes that were forked since.
 * 4. What is read of /proc is believed of an execution only when no other one has come until it was read. Without
 *    process events nothing is believed of a living process that /proc does not confirm.
 * 5. After a loss of events /proc is looked at again.
 */
export class ProcessTable implements Processes {
  private readonly store: ProcessStore;
  private readonly present: PresentProcesses;
  private readonly followers = new Set<ProcessFollower>();
  private following: Promise<ProcessEventSubscription | Unavailable> | undefined;
  /** Every fork, exec and exit is being told. */
  private current: ProcessEventSubscription | undefined;
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

  of(pid: number, atMs = this.options.clock.wallMs(), doer?: Doer): ProcessInfo | undefined {
    const known = doer && this.momentOf(pid, atMs, doer);
    // An exact moment lies before a process event that was read.
    if (known?.precision !== 'exact') this.catchUp();
    const moment: Moment = known ?? { atMs, precision: 'rough' };
    const record = this.recordAt(pid, moment);
    if (record === undefined) return undefined;
    const facts = this.factsAt(record, moment);
    if (facts === undefined) return undefined;
    const { parentPid } = record;
    return { pid, ...(parentPid !== undefined && { parentPid }), ...facts };
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
      executed: (pid, parentPid, facts, timeMs, serial) => {
        this.executed(pid, parentPid, facts, timeMs, serial);
        return this.forkerOf(pid, timeMs, serial);
      },
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
    this.current = subscription;
    this.look();
    return subscription;
  }

  private stopFollowing(): void {
    this.following = undefined;
    this.current = undefined;
    this.lookAgain?.cancel();
    this.endings.clear();
  }

  /** Takes over what runs already: when it ends, or executes something else, its program can no longer be read. */
  private look(): void {
    const { clock, paths } = this.options;
    const pids = new Set(listPids(paths));
    for (const pid of this.store.livingPids()) {
      if (!pids.has(pid)) this.store.end(pid, clock.wallMs());
    }
    for (const pid of pids) {
      const known = this.store.living(pid);
      const fromMs = this.nowMs();
      const startedMs = known && this.present.startedMs(pid);
      if (known !== undefined && Math.abs(known.startedMs - (startedMs ?? 0)) <= slackMs) {
        // What was told and not announced never will be: its announcement was lost, or nobody followed then.
        for (const execution of known.executions) execution.announced = true;
        this.lookAgainAt(known);
        continue;
      }
      const found = this.present.read(pid);
      if (found === undefined) continue;
      this.takeOver(pid, found, fromMs).found = true;
    }
  }

  /** The announcement of what it runs may have been lost, and where nobody tells executions, so are they. */
  private lookAgainAt(record: ProcessRecord): void {
    const { facts } = record.program;
    if (facts === undefined) this.read(record, record.current);
    if (facts === undefined || this.feeds > 0) return;
    const fromMs = this.nowMs();
    const found = this.present.read(record.pid);
    if (found === undefined || found.facts.executable === facts.executable) return;
    const execution = this.store.execute(record, this.store.newProgram(found.facts), {
      sinceMs: fromMs,
    });
    execution.read = this.readSince(fromMs, execution);
  }

  /** A process of which /proc tells, read since `fromMs`. */
  private takeOver(pid: number, found: PresentProcess, fromMs: number): ProcessRecord {
    const { facts, kernel, parentPid, startedMs } = found;
    const program = this.store.newProgram(facts);
    const record = this.store.begin(pid, parentPid, startedMs, program, kernel);
    record.current.read = this.readSince(fromMs, record.current);
    return record;
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
      known.forkSeen = true;
      const [first] = known.executions;
      const parent = this.store.living(parentPid);
      if (first === undefined || known.shortened) return;
      first.sinceMs = timeMs;
      if (first.read === undefined && parent !== undefined)
        this.store.replace(first, parent.announced.program);
      return;
    }
    const parent = this.store.living(parentPid) ?? this.readLiving(parentPid, timeMs);
    const program = parent?.announced.program ?? this.store.newProgram({});
    const record = this.store.begin(pid, parentPid, timeMs, program, parent?.kernel ?? false);
    record.threaded = false;
    record.forkSeen = true;
  }

  private announced(pid: number, timeMs: number): void {
    const record =
      this.store.living(pid) ?? this.store.begin(pid, undefined, timeMs, this.store.newProgram({}));
    // Whichever thread executes is the only one left.
    this.endings.executed(pid);
    record.threaded = false;
    const told = record.toldBefore(timeMs);
    if (told !== undefined) {
      told.announced = true;
      told.sinceMs = timeMs;
      return;
    }
    const owed = this.feeds > 0;
    const { read, program: before } = record.current;
    const program = this.store.newProgram();
    const execution = this.store.execute(record, program, { sinceMs: timeMs, owed });
    if (read !== undefined && before.facts === read.facts && timeMs <= read.toMs + readErrorMs) {
      // It was read too late for what ran before. In the moment of the execution it may be something of both.
      this.store.tell(before, {});
      if (timeMs < read.fromMs - readErrorMs) {
        this.store.tell(program, read.facts);
        execution.read = { ...read, facts: program.facts ?? {} };
        return;
      }
    }
    if (!owed || record.found) this.read(record, execution);
    // Gone before it was read, and no source will tell: its end, and those behind it, need not wait for more.
    const isLost = !owed && program.facts === undefined;
    if (isLost && this.present.startedMs(pid) === undefined) this.store.tell(program, {});
  }

  private executed(
    pid: number,
    parentPid: number | undefined,
    facts: ProgramFacts,
    timeMs: number,
    serial: number | undefined,
  ): void {
    let record = this.executing(pid, timeMs);
    let owed = record?.owedAt(timeMs, serial);
    if (owed === undefined) {
      // The kernel announces an execution before audit tells it.
      this.catchUp();
      record = this.executing(pid, timeMs);
      owed = record?.owedAt(timeMs, serial);
    }
    if (owed !== undefined) {
      owed.owed = false;
      owed.serial = serial;
      owed.read = undefined;
      this.store.tell(owed.program, facts);
      return;
    }
    record ??= this.store.begin(pid, parentPid, timeMs, this.store.newProgram({}));
    if (record.endedMs !== undefined) return;
    const known = { sinceMs: timeMs, announced: false, serial };
    this.store.execute(record, this.store.newProgram(facts), known, record.placeOf(serial));
  }

  /** The process whose execution at that time is told now. */
  private executing(pid: number, timeMs: number): ProcessRecord | undefined {
    const living = this.store.living(pid);
    if (living !== undefined && living.startedMs <= timeMs + slackMs) return living;
    return this.endedAt(pid, timeMs);
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

  private endedAt(pid: number, atMs: number, lateMs = slackMs): ProcessRecord | undefined {
    return this.store
      .all(pid)
      .find(
        ({ endedMs, startedMs }) =>
          endedMs !== undefined && startedMs <= atMs + slackMs && atMs <= endedMs + lateMs,
      );
  }

  /** The moment of what `doer` did, as exactly as it is known. */
  private momentOf(pid: number, atMs: number, doer: Doer): Moment {
    const { serial } = doer;
    if (doer.pid === pid) return { atMs, precision: 'own', serial };
    for (const record of this.store.all(doer.pid)) {
      const moment = record.momentOf(atMs, serial);
      if (moment !== undefined) return moment;
    }
    return { atMs, precision: 'rough', serial };
  }

  /** Who forked the process, if it had not ended when the process executed what was told for that time. */
  private forkerOf(pid: number, timeMs: number, serial: number | undefined): number | undefined {
    for (const record of this.store.all(pid)) {
      const moment = record.momentOf(timeMs, serial);
      if (moment === undefined) continue;
      const { forkSeen, parentPid } = record;
      if (!forkSeen || parentPid === undefined) return undefined;
      const hadEnded = ({ endedMs }: ProcessRecord): boolean => (endedMs ?? Infinity) < moment.atMs;
      const parent = this.store.all(parentPid).find(({ startedMs }) => startedMs <= moment.atMs);
      return parent === undefined || hadEnded(parent) ? undefined : parentPid;
    }
    return undefined;
  }

  private recordAt(pid: number, { atMs, precision }: Moment): ProcessRecord | undefined {
    const living = this.store.living(pid);
    const lateMs = precision === 'exact' ? clockErrorMs : slackMs;
    const startLateMs = living?.forkSeen === true ? lateMs : slackMs;
    if (living === undefined || living.startedMs > atMs + startLateMs) {
      return this.endedAt(pid, atMs, lateMs) ?? this.readLiving(pid, atMs);
    }
    if (this.current !== undefined) return living;
    const startedMs = this.present.startedMs(pid);
    if (startedMs === undefined) return this.store.end(pid, this.options.clock.wallMs());
    if (startedMs <= living.startedMs + slackMs) return living;
    this.store.end(pid, startedMs);
    return this.readLiving(pid, atMs);
  }

  /** What is known of the program that the process ran then; undefined when that is forgotten. */
  private factsAt(record: ProcessRecord, moment: Moment): ProgramFacts | undefined {
    const execution = record.at(moment);
    if (execution === undefined) return undefined;
    const { facts } = execution.program;
    const believed = this.current !== undefined || this.feeds > 0;
    const isPresent = execution === record.current && record.endedMs === undefined;
    if (isPresent && !(believed && facts !== undefined)) this.read(record, execution);
    return execution.program.facts ?? {};
  }

  /** Reads a process that the table does not know; one that started after `atMs` is another. */
  private readLiving(pid: number, atMs: number): ProcessRecord | undefined {
    const fromMs = this.nowMs();
    const found = this.present.read(pid);
    if (found === undefined || found.startedMs > atMs + slackMs) return undefined;
    const record = this.takeOver(pid, found, fromMs);
    this.catchUp();
    return record;
  }

  /** Reads what the process runs, which is this execution as far as is known; `announced` corrects it otherwise. */
  private read(record: ProcessRecord, execution: Execution): void {
    const fromMs = this.nowMs();
    const found = this.present.read(record.pid);
    if (found === undefined || found.startedMs > record.startedMs + slackMs) return;
    // What a child says of itself need not hold for its parent, though they run the same program.
    const isInherited = record.forkSeen && execution === record.executions[0];
    if (isInherited) this.store.replace(execution, this.store.newProgram(found.facts));
    else this.store.tell(execution.program, found.facts);
    execution.read = this.readSince(fromMs, execution);
    this.catchUp();
  }

  private readSince(fromMs: number, { program }: Execution): Execution['read'] {
    return { fromMs, toMs: this.nowMs(), facts: program.facts ?? {} };
  }

  /** Takes the process events that have come and were not read; nothing while one is being taken. */
  private catchUp(): void {
    this.options.events.catchUp?.();
  }

  private nowMs(): number {
    return this.options.events.nowMs?.() ?? this.options.clock.wallMs();
  }
}
