import type { Clock, Timer } from '../../../base/clock.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import type { Paths } from '../paths.js';
import type { Container } from './container.js';
import { PresentProcesses } from './present-processes.js';
import { hasOtherThreads } from './proc.js';
import type { ProcessEvents, ProcessEventSubscription } from './proc-connector.js';
import type { ExitEvent, ForkEvent, ProcessEvent } from './proc-connector-messages.js';
import { ProcessContainers } from './process-containers.js';
import { ProcessEndings } from './process-endings.js';
import { ProcessLooks } from './process-looks.js';
import { endedAt, endedSince, forkerOf, momentOf } from './process-moments.js';
import {
  clockErrorMs,
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
  private readonly containers: ProcessContainers;
  private readonly looks: ProcessLooks;
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
    this.containers = new ProcessContainers(this.present);
    const { store, present, containers } = this;
    this.looks = new ProcessLooks({
      ...options,
      store,
      present,
      containers,
      isFed: () => this.feeds > 0,
    });
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
    const known = doer && momentOf(this.store, pid, atMs, doer);
    // An exact moment lies before a process event that was read.
    if (known?.precision !== 'exact') this.looks.catchUp();
    const moment: Moment = known ?? { atMs, precision: 'rough' };
    const record = this.recordAt(pid, moment);
    if (record === undefined) return undefined;
    const facts = this.factsAt(record, moment);
    if (facts === undefined) return undefined;
    const { parentPid } = record;
    const container = this.containers.of(record);
    return {
      pid,
      ...(parentPid !== undefined && { parentPid }),
      ...(container !== undefined && { container }),
      ...facts,
    };
  }

  containerOf(pid: number, atMs: number): Container | null | undefined {
    const record = this.recordAt(pid, { atMs, precision: 'rough' });
    return record && this.containers.of(record);
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
        return forkerOf(this.store, pid, timeMs, serial);
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
        this.lookAgain = this.options.clock.after(lookAgainMs, () => this.looks.all());
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
    this.looks.all();
    return subscription;
  }

  private stopFollowing(): void {
    this.following = undefined;
    this.current = undefined;
    this.lookAgain?.cancel();
    this.endings.clear();
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
      if (known.container === undefined && parent !== undefined)
        this.containers.forked(known, parent);
      return;
    }
    const parent = this.store.living(parentPid) ?? this.looks.readLiving(parentPid, timeMs);
    const program = parent?.announced.program ?? this.store.newProgram({});
    const record = this.store.begin(pid, parentPid, timeMs, program, parent?.kernel ?? false);
    record.threaded = false;
    record.forkSeen = true;
    if (parent !== undefined) this.containers.forked(record, parent);
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
      this.containers.executed(record, told);
      return;
    }
    const owed = this.feeds > 0;
    const { read, program: before } = record.current;
    const program = this.store.newProgram();
    const execution = this.store.execute(record, program, { sinceMs: timeMs, owed });
    this.containers.executed(record, execution);
    if (read !== undefined && before.facts === read.facts && timeMs <= read.toMs + readErrorMs) {
      // It was read too late for what ran before. In the moment of the execution it may be something of both.
      this.store.tell(before, {});
      if (timeMs < read.fromMs - readErrorMs) {
        this.store.tell(program, read.facts);
        execution.read = { ...read, facts: program.facts ?? {} };
        return;
      }
    }
    if (!owed || record.found) this.looks.read(record, execution);
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
      this.looks.catchUp();
      record = this.executing(pid, timeMs);
      owed = record?.owedAt(timeMs, serial);
    }
    if (owed !== undefined) {
      owed.owed = false;
      owed.serial = serial;
      owed.read = undefined;
      this.store.tell(owed.program, facts);
      if (record !== undefined) this.containers.executed(record, owed);
      return;
    }
    record ??= this.store.begin(pid, parentPid, timeMs, this.store.newProgram({}));
    if (record.endedMs !== undefined) return;
    const known = { sinceMs: timeMs, announced: false, serial };
    const program = this.store.newProgram(facts);
    const execution = this.store.execute(record, program, known, record.placeOf(serial));
    this.containers.executed(record, execution);
  }

  /** The process whose execution at that time is told now. */
  private executing(pid: number, timeMs: number): ProcessRecord | undefined {
    const living = this.store.living(pid);
    if (living !== undefined && living.startedMs <= timeMs + slackMs) return living;
    return endedAt(this.store, pid, timeMs);
  }

  private exited(exit: ExitEvent): void {
    const living = this.store.living(exit.pid);
    if (living?.threaded === true && !living.kernel) {
      this.endings.firstThreadEnded(living, exit);
      return;
    }
    const record =
      this.store.end(exit.pid, exit.timeMs) ?? endedSince(this.store, exit.pid, exit.timeMs);
    if (record?.kernel !== true) this.tellEnd(exit, record);
  }

  private tellEnd(exit: ExitEvent, record: ProcessRecord | undefined): void {
    const { pid, exitCode, signal, timeMs } = exit;
    const program = record?.program;
    const onTold = (listener: () => void): void => {
      if (program === undefined) listener();
      else this.store.onTold(program, listener);
    };
    const container = () => record && this.containers.of(record);
    const told = () => program?.facts;
    const ended = { pid, exitCode, signal, timeMs, onTold, program: told, container };
    for (const { onEnd } of this.followers) onEnd?.(ended);
  }

  private recordAt(pid: number, { atMs, precision }: Moment): ProcessRecord | undefined {
    const living = this.store.living(pid);
    const lateMs = precision === 'exact' ? clockErrorMs : slackMs;
    const startLateMs = living?.forkSeen === true ? lateMs : slackMs;
    if (living === undefined || living.startedMs > atMs + startLateMs) {
      return endedAt(this.store, pid, atMs, lateMs) ?? this.looks.readLiving(pid, atMs);
    }
    if (this.current !== undefined) return living;
    const startedMs = this.present.startedMs(pid);
    if (startedMs === undefined) return this.store.end(pid, this.options.clock.wallMs());
    if (startedMs <= living.startedMs + slackMs) return living;
    this.store.end(pid, startedMs);
    return this.looks.readLiving(pid, atMs);
  }

  /** What is known of the program that the process ran then; undefined when that is forgotten. */
  private factsAt(record: ProcessRecord, moment: Moment): ProgramFacts | undefined {
    const execution = record.at(moment);
    if (execution === undefined) return undefined;
    const { facts } = execution.program;
    const believed = this.current !== undefined || this.feeds > 0;
    const isPresent = execution === record.current && record.endedMs === undefined;
    if (isPresent && !(believed && facts !== undefined)) this.looks.read(record, execution);
    return execution.program.facts ?? {};
  }
}
