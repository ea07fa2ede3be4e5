import { randomUUID } from 'node:crypto';
import { chmod, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf } from '../config/errors.js';
import { CommandError, exitCodes } from './exit-codes.js';

/** Replaces a file so that after a crash it holds either the old or the new text, and only its owner can read it. */
export async function writeFileAtomically(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  const file = await open(temporary, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
  // The rename itself lives in the directory, and is lost with a power cut unless that is synced too (fsync(2)).
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Makes the state directory when it is missing, and keeps everybody else out of it.
 * @throws CommandError (77) with the remedy when that is not possible
 */
export async function prepareStateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    const { mode } = await stat(path);
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

/** The agent's identity in its messages: made once, then the same for the life of the state directory. */
export async function loadAgentId(stateDirectory: string): Promise<string> {
  const path = join(stateDirectory, 'agent-id');
  const stored = await readFile(path, 'utf8').catch(() => '');
  if (guid.test(stored.trim())) return stored.trim();
  const made = randomUUID();
  await writeFileAtomically(path, `${made}\n`);
  return made;
}
