import { posix } from 'node:path';
import type { RawFacts } from '../interface/raw-facts.js';
import type { ProgramFacts } from '../kernel/processes/process-record.js';
import type { StartedProgram } from './sources/program.js';

/** The kernel keeps 15 bytes of a name (TASK_COMM_LEN): what has as many may be cut. */
const longestComm = 15;

/** What rules of detection are judged on beside the payload and the arguments. */
export function rawFactsOf(program: StartedProgram, parent: ProgramFacts | undefined): RawFacts {
  const { auditKey, comm, effectiveUid } = program;
  const path = program.executedPath ?? typedPath(program);
  return {
    ...(path !== undefined && { executedPath: path }),
    ...(parent?.executedPath !== undefined && { parentExecutedPath: parent.executedPath }),
    ...(comm !== undefined && { comm }),
    ...(effectiveUid !== undefined && { effectiveUserId: String(effectiveUid) }),
    ...(auditKey !== undefined && { auditKey }),
  };
}

/**
 * Where the path was not told: the kernel names a process by the last part of it, of an applet of BusyBox by the applet
 * (`begin_new_exec` in fs/exec.c). It is taken for one in the directory of the executable.
 */
function typedPath({ comm, executable }: StartedProgram): string | undefined {
  if (comm === undefined || executable?.startsWith('/') !== true) return undefined;
  if (comm === '' || comm.includes('/') || Buffer.byteLength(comm) >= longestComm) return undefined;
  if (posix.basename(executable) === comm) return undefined;
  return posix.join(posix.dirname(executable), comm);
}
