import type { Container } from './container.js';

/** What is known of a program that a process executed; whatever is absent could not be known. */
export interface ProgramFacts {
  readonly executable?: string;
  /** The path given to execve where it is another; of a script the script. Absent also where no source told it. */
  readonly executedPath?: string;
  readonly argv?: readonly string[];
  /** False when arguments are missing in `argv`. */
  readonly argvComplete?: boolean;
  readonly realUid?: number;
  /** True when they are those of the kernel's own record of the execution, which no process can change. */
  readonly audited?: boolean;
}

/** What was executed once: shared by the process that executed it and those that were forked from that since. */
export interface Program {
  /** Undefined until a source tells them. */
  facts: ProgramFacts | undefined;
  /** Who waits for the facts, the longest first. */
  readonly waiting: { readonly sinceMs: number; readonly listener: () => void }[];
  holders: number;
  sizeBytes: number;
}

/** A stretch of the life of a process: from the fork, or from an execution, to the next execution or the end. */
export interface Execution {
  program: Program;
  /** Wall clock, ms. Exact when announced; otherwise the audit time, a clock tick before the system call began at most. */
  sinceMs: number;
  /** The process events told it, so that its place among the other events of processes is known. */
  announced: boolean;
  /** A source that tells more than the process events has not told it yet. */
  owed: boolean;
  /** Of its audit event; serials are given in the order in which the system calls ended. */
  serial: number | undefined;
  /** When its facts were read of /proc, wall clock, and which; undefined when somebody told them. */
  read:
    { readonly fromMs: number; readonly toMs: number; readonly facts: ProgramFacts } | undefined;
}

/** A moment in the life of a process. */
export interface Moment {
  readonly atMs: number;
  /**
   * `exact`: `atMs` stands in the order of the process events. `own`: the process itself made the audited call of that
   * serial. `rough`: the audit time of another process's call.
   */
  readonly precision: 'exact' | 'own' | 'rough';
  readonly serial?: number | undefined;
  /** The moment may be any within this, wall clock, ms: what changed within it is not known. */
  readonly within?: readonly [fromMs: number, toMs: number];
}

/** The times of audit and of process events come of two readings of the clock, one of them in whole milliseconds. */
export const clockErrorMs = 2;
/** From when /proc shows the program that a process executes, to the announcement. */
export const readErrorMs = 0.5;
/** A start time of /proc is late by a tick of up to 10 ms (USER_HZ), and so is the uptime that it is counted from. */
export const slackMs = 50;
/** From the call of execve to its announcement, on slow storage. */
const longestExecutionMs = 1000;
/** A parent that waits in vfork(2) goes on shortly before the execution of its child is announced. */
const longestHandOverMs = 5;

/** One process from its fork to its end, with the programs that it ran, the oldest first. */
export class ProcessRecord {
  endedMs: number | undefined;
  /** Has, or may have, more than one thread. Of one whose fork was not seen, threads may have been missed as well. */
  threaded = true;
  /** The process events told its fork, so that `startedMs` is exact. */
  forkSeen = false;
  /** It was there before the process events were followed: audit may not see what it executes. */
  found = false;
  /** Never empty. */
  readonly executions: Execution[] = [];
  /** What it ran first is forgotten. */
  shortened = false;
  /** The container it is in now; null when it is in none, undefined when that is not known. */
  container: Container | null | undefined;
  /** A runtime of containers forked it, or what led to it, and has not been seen to put it into one. */
  underRuntime = false;
  /** The execution at which it was last looked for its container. */
  placedAt: Execution | undefined;

  /**
   * @param startedMs when it started, wall clock; when it was first heard of, where the start itself was not seen
   * @param kernel a thread of the kernel, which runs no program
   */
  constructor(
    readonly pid: number,
    public parentPid: number | undefined,
    public startedMs: number,
    program: Program,
    public kernel: boolean,
  ) {
    const [announced, owed] = [true, false];
    const [serial, read] = [undefined, undefined];
    this.executions.push({ program, sinceMs: startedMs, announced, owed, serial, read });
  }

  get current(): Execution {
    const last = this.executions.at(-1);
    if (last === undefined) throw new Error('A process without a program was remembered.');
    return last;
  }

  get program(): Program {
    return this.current.program;
  }

  /** What ran last in the order of the process events. */
  get announced(): Execution {
    return this.executions.findLast(({ announced }) => announced) ?? this.current;
  }

  /** What ran at that moment; undefined when that is forgotten, or cannot be told. */
  at(moment: Moment): Execution | undefined {
    const [fromMs, toMs] = moment.within ?? [Infinity, -Infinity];
    if (this.executions.some(({ sinceMs }) => sinceMs > fromMs && sinceMs <= toMs))
      return undefined;
    const found = this.executions.findLast((execution) => hadBegun(execution, moment));
    return found ?? (this.shortened ? undefined : this.executions[0]);
  }

  /**
   * The announced execution that a source tells now. Nothing of one process is told out of order but what was given up
   * for incomplete, which its serial puts in its place; those that nobody tells are passed over by their time.
   */
  owedAt(timeMs: number, serial: number | undefined): Execution | undefined {
    const place = this.placeOf(serial);
    const from = this.executions.findLastIndex(
      (known, index) => index < place && known.serial !== undefined,
    );
    const owed = this.executions.slice(from + 1, place).filter((known) => known.owed);
    // None of them is late enough: then the clock was set in between.
    return owed.find(({ sinceMs }) => sinceMs >= timeMs - clockErrorMs) ?? owed[0];
  }

  /** Where an execution of that serial stands: before the first with a later one. */
  placeOf(serial: number | undefined): number {
    if (serial === undefined) return this.executions.length;
    const later = this.executions.findIndex((known) => (known.serial ?? -1) > serial);
    return later === -1 ? this.executions.length : later;
  }

  /** An execution that was told already and is announced now, at `timeMs`. */
  toldBefore(timeMs: number): Execution | undefined {
    const isLate = (known: Execution): boolean => timeMs - known.sinceMs >= longestExecutionMs;
    for (const known of this.executions)
      if (!known.announced && isLate(known)) known.announced = true;
    return this.executions.find(({ announced }) => !announced);
  }

  /**
   * The moment of an execution that was told for `timeMs`, as the parent of the process saw it; undefined when this
   * process did not make it. The system call began after whatever the process did before and not before `timeMs`, and
   * was announced as it ended. What the parent executed in between counts as later: whoever starts a program with vfork(2)
   * waits until it runs, and goes on before that is announced. Without audit it cannot be told.
   */
  momentOf(timeMs: number, serial: number | undefined): Moment | undefined {
    const index = this.executions.findLastIndex((known) =>
      serial === undefined ? known.sinceMs === timeMs : known.serial === serial,
    );
    const made = this.executions[index];
    if (made?.announced !== true) return undefined;
    const afterMs = this.executions[index - 1]?.sinceMs ?? this.startedMs;
    const notBeforeMs = serial === undefined ? timeMs - longestHandOverMs : timeMs - clockErrorMs;
    const atMs = Math.min(Math.max(afterMs, notBeforeMs), made.sinceMs);
    if (serial !== undefined) return { atMs, precision: 'exact', serial };
    return { atMs, precision: 'exact', within: [afterMs, made.sinceMs] };
  }
}

function hadBegun({ announced, serial, sinceMs }: Execution, moment: Moment): boolean {
  const isByTime = sinceMs <= moment.atMs;
  if (announced && moment.precision === 'exact') return isByTime;
  if (serial === undefined || moment.serial === undefined) return isByTime;
  return serial < moment.serial;
}
