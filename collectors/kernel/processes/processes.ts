import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { Container } from './container.js';
import type { ProgramFacts } from './process-record.js';

/** What is known of a process, alive or ended lately. Absent members are not known. */
export interface ProcessInfo extends ProgramFacts {
  readonly pid: number;
  readonly parentPid?: number;
  /** Null when it is in none. */
  readonly container?: Container | null;
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
  readonly program: () => ProgramFacts | undefined;
  /** Null when it was in none; undefined when that is not known. */
  readonly container: () => Container | null | undefined;
  /** Calls back when `program` cannot become better known: at once where it cannot already, perhaps never. */
  readonly onTold: (listener: () => void) => void;
}

export interface ProcessFollower {
  readonly onEnd?: (process: EndedProcess) => void;
  readonly lose?: ReportLoss;
  /** The kernel's process events ended for good, and this following with them. */
  readonly onFailed: (error: Error) => void;
}

/** A source of executions that tells more than the process events do. */
export interface ProgramFeed {
  /**
   * @param timeMs when it was executed, wall clock; as the process event of it says, where the source has it from there
   * @param serial of the audit event
   * @returns the process that had forked it, if that was still its parent when the execution began; undefined when that
   *   is not known. Others are told of the parent at the end of the execution, which is another one when the first has
   *   ended meanwhile.
   */
  executed(
    pid: number,
    parentPid: number | undefined,
    facts: ProgramFacts,
    timeMs: number,
    serial?: number,
  ): number | undefined;
  end(): void;
}

/** Who did what a question is about, which tells the moment more exactly than a time. */
export interface Doer {
  readonly pid: number;
  /** Of the audit event; without one, an execution that was told to the table with the time of the question. */
  readonly serial: number | undefined;
}

/** Looks processes up for collectors that learn of something a process did. */
export interface Processes {
  /**
   * The process that had this pid at `atMs` (wall clock, ms; now when absent), alive or ended less than a minute ago, and
   * the program that it ran then. Undefined when nothing is known of it any more; facts that may be those of another
   * moment are left out. May read /proc; never throws.
   *
   * @param doer for what a process did at `atMs`: the process itself, or one that executed, of which this is the parent
   */
  of(pid: number, atMs?: number, doer?: Doer): ProcessInfo | undefined;
  /**
   * The container of the process that had this pid at `atMs` (wall clock, ms); null when it is in none, undefined when that
   * is not known. Reads /proc only where no process event told of the process, or a runtime of containers forked it.
   */
  containerOf(pid: number, atMs: number): Container | null | undefined;
  /** Keeps the table up to date with every fork, exec and exit from the moment it resolves. */
  follow(follower: ProcessFollower): Promise<{ end(): void } | Unavailable>;
  /** Announces that every execution will be told, so that the table need not read /proc for it. */
  feed(): ProgramFeed;
}
