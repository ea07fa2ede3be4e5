import type { AuditEvent } from '../../kernel/audit/event.js';
import { executedFiles } from '../../kernel/audit/executed-file.js';
import { executedPath } from '../../kernel/audit/executed-path.js';
import type { Execve } from '../../kernel/audit/execve.js';
import type { FileIdentity } from '../../kernel/files/executable-hash.js';
import type { ProcessFacts } from '../../kernel/processes/proc.js';
import type { ProgramFeed } from '../../kernel/processes/processes.js';

/** What one source knows of a started program; whatever is absent it could not know. */
export interface StartedProgram {
  readonly timeMs: number;
  /** Of its audit event. */
  readonly serial?: number;
  readonly pid: number;
  readonly parentPid: number | undefined;
  readonly realUid: number | undefined;
  readonly executable: string | undefined;
  /** Of an unknown command line empty. */
  readonly argv: readonly string[];
  /** False when arguments may be missing. */
  readonly argvComplete: boolean;
  readonly comm: string | undefined;
  /** The path given to execve; of a script the script. */
  readonly executedPath?: string | undefined;
  readonly effectiveUid?: number | undefined;
  /** Of the audit rule that told it. */
  readonly auditKey?: string | undefined;
  readonly auditUserId: number | undefined;
  readonly sessionId: number | undefined;
  /** `pts/0`, `tty1`; undefined also when it has none. */
  readonly terminal: string | undefined;
  readonly workingDirectory: string | undefined;
  /** Device and inode numbers of the program, as the kernel recorded them; empty where it cannot be told which they are. */
  readonly files: readonly FileIdentity[];
}

/** A started program as audit told it. */
export function programOfExecve(execve: Execve, event: AuditEvent): StartedProgram {
  return {
    timeMs: execve.timeMs,
    serial: execve.serial,
    pid: execve.pid,
    parentPid: execve.ppid,
    realUid: execve.uid,
    executable: execve.exe,
    argv: execve.argv,
    argvComplete: execve.complete,
    comm: execve.comm,
    executedPath: executedPath(event, execve.cwd),
    effectiveUid: execve.euid,
    auditKey: execve.key,
    auditUserId: execve.auid,
    sessionId: execve.ses,
    terminal: execve.tty?.replace(/^pts(?=\d)/u, 'pts/'),
    workingDirectory: execve.cwd,
    files: executedFiles(event, execve.argv[0]),
  };
}

/** A started program as /proc shows it, seen at `timeMs` (wall clock, ms since the epoch). */
export function programOfProcess(facts: ProcessFacts, timeMs: number): StartedProgram {
  return {
    timeMs,
    pid: facts.pid,
    parentPid: facts.parentPid,
    realUid: facts.realUid,
    executable: facts.executable,
    argv: facts.argv ?? [],
    argvComplete: facts.argvComplete && facts.argv !== undefined && facts.argv.length > 0,
    comm: facts.comm,
    auditUserId: facts.auditUserId,
    sessionId: facts.sessionId,
    terminal: facts.terminal,
    workingDirectory: facts.workingDirectory,
    files: [],
  };
}

/** A program that ended before anything could be read of it. */
export function goneProgram(
  pid: number,
  parentPid: number | undefined,
  timeMs: number,
): StartedProgram {
  return {
    timeMs,
    pid,
    parentPid,
    realUid: undefined,
    executable: undefined,
    argv: [],
    argvComplete: false,
    comm: undefined,
    auditUserId: undefined,
    sessionId: undefined,
    terminal: undefined,
    workingDirectory: undefined,
    files: [],
  };
}

/** The program with the parent that the table knows it to have had. */
export function tellTable(
  feed: ProgramFeed,
  program: StartedProgram,
  audited: boolean,
): StartedProgram {
  const { argv, executable, executedPath: path, parentPid, pid, realUid, serial } = program;
  const facts = {
    ...(executable !== undefined && { executable }),
    // Most programs are called by their own name.
    ...(path !== undefined && path !== executable && { executedPath: path }),
    ...(argv.length > 0 && { argv, argvComplete: program.argvComplete }),
    ...(realUid !== undefined && { realUid }),
    audited,
  };
  const forkedBy = feed.executed(pid, parentPid, facts, program.timeMs, serial);
  return forkedBy === undefined ? program : { ...program, parentPid: forkedBy };
}
