import { randomUUID } from 'node:crypto';
import { access, chmod, constants, lstat, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileError, readBoundedFile } from '../../base/bounded-file.js';
import { hasCode, plainReason, reasonOf } from '../../base/errors.js';
import { CommandError, exitCodes } from '../../base/exit-codes.js';
import { makeDirectory } from '../../base/make-directory.js';
import { stageFile } from '../../base/staged-file.js';
import { systemFiles } from '../spool/files.js';
import { putAside } from '../spool/quarantine.js';

/** What the agent has changed in the kernel's audit, see `ChangeNote`. */
export const changeNoteName = 'audit-changes.json';

/**
 * Replaces a file so that after a crash it holds either the old or the new text, and only its owner can read it. A
 * directory that stands in the way is put beside it, and one that was removed is made again.
 */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const write = async (): Promise<void> => {
    const staged = await stageFile(path, text, { mode: 0o600 });
    await staged.commit();
  };
  try {
    await write();
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'EISDIR', 'ERR_FS_EISDIR')) throw error;
    await makeDirectory(dirname(path), 0o700);
    for (const place of [path, `${path}.new`]) {
      const found = await lstat(place).catch(() => undefined);
      if (found?.isDirectory() === true) await putAside(systemFiles, place);
    }
    await write();
  }
}

/**
 * Reads a file of the state directory, of at most `maxBytes`; undefined when it is not there. What is in its place, a
 * named pipe for example, neither holds the start nor fills the memory.
 * @throws FileError
 */
export async function readStateFile(path: string, maxBytes: number): Promise<string | undefined> {
  try {
    return (await readBoundedFile(path, maxBytes)).bytes.toString('utf8');
  } catch (error) {
    if (error instanceof FileError && error.kind === 'missing') return undefined;
    throw error;
  }
}

/** Why the agent could not use its state directory. */
export interface StateDirectoryFault {
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

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The agent's identity in its messages: made once, then the same for the life of the state directory.
 * @param onProblem it could not be stored, so that the next start makes another; a full disk is no reason not to watch
 */
export async function loadAgentId(
  stateDirectory: string,
  onProblem: (sentence: string) => void,
): Promise<string> {
  const path = join(stateDirectory, 'agent-id');
  const stored = (await readStateFile(path, 256).catch(() => undefined))?.trim() ?? '';
  if (guid.test(stored)) return stored;
  const made = randomUUID();
  try {
    await writeFileAtomically(path, `${made}\n`);
  } catch (error) {
    onProblem(
      `The agent's id could not be stored in ${path}: ${reasonOf(error)}. It holds until the next start only; make room there, or set "agentId".`,
    );
  }
  return made;
}
