import { access, chmod, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, plainReason } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { makeDirectory } from '../../base/make-directory.js';

/** Everything that the agent keeps in the state directory; beside a file may stand an older or newer one of its name. */
export const stateNames = {
  agentId: 'agent-id',
  aggregates: 'aggregates',
  /** The hub that the provisioning service assigned. */
  assignment: 'dps-assignment.json',
  /** What the agent has changed in the kernel's audit, see `ChangeNote`. */
  changeNote: 'audit-changes.json',
  /** What the correlations of detection have counted. */
  correlations: 'correlations.json',
  counters: 'counters.json',
  dailyUnits: 'daily-units.json',
  desired: 'desired.json',
  fileScan: 'file-scan.json',
  history: 'history',
  /** What collectors knew at their last look, a file for each name. */
  memory: 'memory',
  spool: 'spool',
} as const;

export const changeNoteName = stateNames.changeNote;

/** Why the agent could not use its state directory. */
interface StateDirectoryFault {
  /** Completes "The state directory PATH cannot be used: …"; names what is wrong. */
  readonly fault: string;
  readonly remedy: string;
}

const elsewhere = 'or set "stateDirectory" to another directory';

/**
 * Judges a state directory that is there by who it belongs to, for any user; root, too, is refused another's.
 * @param uid the user that runs the agent; undefined when that is not known, so that only the kind of it is judged
 * @returns undefined when it is not there or nothing is wrong with it
 * @throws NodeJS.ErrnoException when it cannot be looked at
 */
export async function stateDirectoryFault(
  path: string,
  uid: number | undefined,
): Promise<StateDirectoryFault | undefined> {
  const found = await stat(path).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return undefined;
    if (hasCode(error, 'ENOTDIR')) return 'under a file';
    throw error;
  });
  if (found === undefined) return undefined;
  if (found === 'under a file' || !found.isDirectory()) {
    const place = found === 'under a file' ? `a part of the path ${dirname(path)}` : path;
    return { fault: `${place} is not a directory`, remedy: `move that away, ${elsewhere}` };
  }
  // Whoever owns a directory can put into it what he likes, whatever its mode is now; and nobody else can close it.
  if (uid === undefined || found.uid === uid) return undefined;
  const owner = found.uid === 0 ? 'root' : `user ${found.uid}`;
  return {
    fault: `it belongs to ${owner} and not to user ${uid}, who runs the agent`,
    remedy: `give it to that user with chown, ${elsewhere}`,
  };
}

/**
 * Makes the state directory when it is missing, and keeps everybody else out of it.
 * @throws CommandError (77) with the remedy when that is not possible
 */
export async function prepareStateDirectory(path: string): Promise<void> {
  const fault = await prepare(path).catch((error: unknown) => ({
    fault: plainReason(error),
    remedy: hasCode(error, 'EACCES', 'EPERM')
      ? `give it to the user that the agent runs as, ${elsewhere}`
      : `mend that, ${elsewhere}`,
  }));
  if (fault === undefined) return;
  throw new CommandError(
    `The state directory ${path} cannot be used: ${fault.fault}; ${fault.remedy}.`,
    exitCodes.noPermission,
  );
}

async function prepare(path: string): Promise<StateDirectoryFault | undefined> {
  const fault = await stateDirectoryFault(path, process.geteuid?.());
  if (fault !== undefined) return fault;
  await makeDirectory(path, 0o700);
  const { mode } = await stat(path);
  try {
    if ((mode & 0o777) !== 0o700) await chmod(path, 0o700);
    await access(path, constants.W_OK | constants.X_OK);
  } catch (error) {
    // A disk that is read-only since a crash is no reason not to watch; what is lost with it is told and counted.
    if (!hasCode(error, 'EROFS')) throw error;
  }
  return undefined;
}
