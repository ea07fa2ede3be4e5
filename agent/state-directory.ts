import { randomUUID } from 'node:crypto';
import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileError, readBoundedFile } from '../config/bounded-file.js';
import { hasCode, reasonOf } from '../config/errors.js';
import { CommandError, exitCodes } from './exit-codes.js';
import { systemFiles } from './spool/files.js';
import { putAside } from './spool/quarantine.js';
import { stageFile } from './staged-file.js';

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
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
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
    return (await readBoundedFile(path, maxBytes)).text;
  } catch (error) {
    if (error instanceof FileError && error.kind === 'missing') return undefined;
    throw error;
  }
}

/**
 * Makes the state directory when it is missing, and keeps everybody else out of it.
 * @throws CommandError (77) with the remedy when that is not possible
 */
export async function prepareStateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { mode, uid } = await stat(path);
    const ownUid = process.geteuid?.() ?? uid;
    // Whoever owns a directory can put into it what he likes, whatever its mode is now.
    if (uid !== ownUid && uid !== 0) {
      throw new Error(`it belongs to user ${uid} and not to user ${ownUid}, who runs the agent`);
    }
    if ((mode & 0o077) !== 0) await chmod(path, 0o700);
  } catch (error) {
    const reason = reasonOf(error);
    throw new CommandError(
      `The state directory ${path} cannot be used: ${reason}. ` +
        'Give it to the user that the agent runs as, or set "stateDirectory" to a directory that it may write.',
      exitCodes.noPermission,
    );
  }
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
