import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { reasonOf } from '../../base/errors.js';
import { writeFileAtomically, readStateFile } from './state-file.js';

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
