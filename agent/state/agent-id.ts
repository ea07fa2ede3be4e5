import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { reasonOf } from '../../base/errors.js';
import { stateNames } from './state-directory.js';
import { writeFileAtomically, readStateFile } from './state-file.js';

const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const pathIn = (stateDirectory: string): string => join(stateDirectory, stateNames.agentId);

/** The one that an earlier start made; undefined where there is none, or it cannot be read. */
export async function storedAgentId(stateDirectory: string): Promise<string | undefined> {
  const text = await readStateFile(pathIn(stateDirectory), 256).catch(() => undefined);
  const stored = text?.trim() ?? '';
  return guid.test(stored) ? stored : undefined;
}

/**
 * The agent's identity in its messages: made once, then the same for the life of the state directory.
 * @param onProblem it could not be stored, so that the next start makes another; a full disk is no reason not to watch
 */
export async function loadAgentId(
  stateDirectory: string,
  onProblem: (sentence: string) => void,
): Promise<string> {
  const stored = await storedAgentId(stateDirectory);
  if (stored !== undefined) return stored;
  const path = pathIn(stateDirectory);
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
