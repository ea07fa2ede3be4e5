import type { ProgramFeed } from '../../kernel/processes/processes.js';
import type { StartedProgram } from './program.js';

/** The program with the parent that the table knows it to have had. */
export function tellTable(
  feed: ProgramFeed,
  program: StartedProgram,
  audited: boolean,
): StartedProgram {
  const { argv, executable, parentPid, pid, realUid, serial, timeMs } = program;
  const facts = {
    ...(executable !== undefined && { executable }),
    ...(argv.length > 0 && { argv, argvComplete: program.argvComplete }),
    ...(realUid !== undefined && { realUid }),
    audited,
  };
  const forkedBy = feed.executed(pid, parentPid, facts, timeMs, serial);
  return forkedBy === undefined ? program : { ...program, parentPid: forkedBy };
}
