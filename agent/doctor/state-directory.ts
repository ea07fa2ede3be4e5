import type { Stats } from 'node:fs';
import { access, constants, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasCode, plainReason } from '../../base/errors.js';
import { standardLocalSettings } from '../../config/parse-local-settings.js';
import { stateDirectoryFault } from '../state/state-directory.js';
import { sizeText } from '../status/duration-text.js';
import type { AgentUser } from './agent-user.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

/** The local cache at its default size, twice, and the small files beside it. */
const enoughBytes = 8 * 1024 * 1024;

/** Whether the user that runs the agent, not the one who asks, can keep its state at `path`. */
export async function checkStateDirectory(path: string, user: AgentUser): Promise<Finding> {
  try {
    return await judge(path, user);
  } catch (error) {
    if (hasCode(error, 'EACCES') && process.geteuid?.() !== 0) {
      return unknown(
        `${path} is closed to user ${process.geteuid?.() ?? '?'}`,
        'run doctor as root',
      );
    }
    return mend(
      `the state directory ${path} cannot be used: ${plainReason(error)}`,
      `mend that, or set "stateDirectory" to another directory`,
    );
  }
}

async function judge(path: string, user: AgentUser): Promise<Finding> {
  const uid = user.ids?.uid;
  const fault = await stateDirectoryFault(path, uid);
  if (fault !== undefined) {
    return mend(`the state directory ${path} cannot be used: ${fault.fault}`, fault.remedy);
  }
  const { place, stats } = await nearest(path);
  const ownUid = process.geteuid?.();
  // Also tells of a disk that is read-only.
  if (ownUid === 0 || ownUid === uid) await access(place, constants.W_OK | constants.X_OK);
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  if (free < enoughBytes) {
    return mend(`only ${sizeText(free)} are free at ${path}`, 'make room, or events will be lost');
  }
  const by = uid === undefined ? '' : ` by user ${uid}`;
  if (place === path) return ok(`${path} can be written to${by}, with ${sizeText(free)} free`);
  if (user.isOfUnit && path === standardLocalSettings().stateDirectory) {
    return note(`${path} does not exist yet; systemd makes it`);
  }
  if (uid !== undefined && !mayMakeIn(stats, uid)) {
    return mend(
      `the state directory ${path} does not exist, and user ${uid}, who runs the agent, may not make it in ${place}`,
      'make it and give it to that user with chown, or set "stateDirectory" to another directory',
    );
  }
  return note(`${path} does not exist yet; the agent makes it`);
}

/** The path, or what is there of it. */
async function nearest(path: string): Promise<{ place: string; stats: Stats }> {
  try {
    return { place: path, stats: await stat(path) };
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || dirname(path) === path) throw error;
    return nearest(dirname(path));
  }
}

/** By the mode alone; a group that may write is taken to be one of the user. */
function mayMakeIn({ mode, uid: owner }: Stats, uid: number): boolean {
  if (uid === 0) return true;
  const allows = (bits: number): boolean => (mode & bits) === bits;
  return owner === uid ? allows(0o300) : allows(0o030) || allows(0o003);
}
