import type { Details } from '../../contract/events.js';
import type { Observation } from '../interface/collector.js';
import { type Container, containerDetails } from '../kernel/processes/container.js';
import type { ExecutedFile } from '../kernel/files/executable-hash.js';
import type { ProcessInfo } from '../kernel/processes/processes.js';
import { rawFactsOf } from './raw-facts.js';
import type { StartedProgram } from './sources/program.js';

/** What the agent knows around a started program. */
interface ProgramContext {
  readonly userName?: string | undefined;
  readonly auditUserName?: string | undefined;
  readonly parent?: Pick<ProcessInfo, 'executable' | 'executedPath' | 'argv'> | undefined;
  /** Null when it is in none. */
  readonly container: Container | null | undefined;
}

/**
 * The payload for one started program. A required field that no source could know is '' (or 0), and `ExtraDetails`
 * says which: `CommandLineKnown`, `UserIdKnown`, `ParentProcessIdKnown` are "false". With `ExecutableKnown` "false" the
 * executable is only a name without a path: the links of others' processes need CAP_SYS_PTRACE.
 */
export function observationOf(
  program: StartedProgram,
  context: ProgramContext,
  hash: string,
): Observation<'ProcessCreate'> {
  const { argv, comm, executable, pid, parentPid, realUid } = program;
  const { userName, auditUserName, parent, container } = context;
  const named = executable ?? comm ?? argv[0] ?? '';
  const details: Details<'ProcessCreate'> = { Hash: hash, ...containerDetails(container) };
  if (program.auditUserId !== undefined) details.AuditUserId = String(program.auditUserId);
  if (auditUserName !== undefined) details.AuditUserName = auditUserName;
  if (program.sessionId !== undefined) details.SessionId = String(program.sessionId);
  if (program.workingDirectory !== undefined) details.WorkingDirectory = program.workingDirectory;
  if (program.terminal !== undefined) details.Terminal = program.terminal;
  if (parent?.executable !== undefined) details.ParentExecutable = parent.executable;
  if (executable === undefined) details.ExecutableKnown = 'false';
  if (!program.argvComplete) details.CommandLineKnown = 'false';
  if (realUid === undefined) details.UserIdKnown = 'false';
  if (parentPid === undefined) details.ParentProcessIdKnown = 'false';
  const told = argv.length > 0 ? argv : [comm ?? named];
  return {
    timeMs: program.timeMs,
    argv: told,
    raw: () => rawFactsOf(program, parent),
    ...(parent?.argv !== undefined && { detailArgv: { ParentCommandLine: parent.argv } }),
    payload: {
      Executable: named,
      ProcessId: pid,
      ParentProcessId: parentPid ?? 0,
      UserId: realUid === undefined ? '' : String(realUid),
      ...(userName !== undefined && { UserName: userName }),
      CommandLine: told.join(' '),
      ExtraDetails: details,
    },
  };
}

/** Which file was executed, for its hash; `undefined` where the path is not known. */
export function executedFile(program: StartedProgram): ExecutedFile | undefined {
  const { executable: path, pid, timeMs, files: candidates } = program;
  return path === undefined ? undefined : { path, pid, timeMs, candidates };
}
