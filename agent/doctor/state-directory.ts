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

/** Each segment of the spool is a file, and a directory that was made anew a few more. */
const enoughInodes = 256;

/** Whether the user that runs the agent, not the one who asks, can keep its state at `path`, and has room there. */
export async function checkStateDirectory(
  path: string,
  user: AgentUser,
): Promise<readonly Finding[]> {
  const finding = await stateDirectoryFinding(path, user);
  try {
    return [finding, await diskFinding((await nearest(path)).place)];
  } catch {
    // The finding says why it cannot be looked at.
    return [finding];
  }
}

async function stateDirectoryFinding(path: string, user: AgentUser): Promise<Finding> {
  try {
    return await judge(path, user);
  } catch (error) {
    if (hasCode(error, 'EACCES') && process.geteuid?.() !== 0) {
      return unknown(
        'state-directory',
        `${path} is closed to user ${process.geteuid?.() ?? '?'}`,
        'run doctor as root',
      );
    }
    return mend(
      'state-directory',
      `the state directory ${path} cannot be used: ${plainReason(error)}`,
      `mend that, or set "stateDirectory" to another directory`,
    );
  }
}

async function judge(path: string, user: AgentUser): Promise<Finding> {
  const uid = user.ids?.uid;
  const fault = await stateDirectoryFault(path, uid);
  if (fault !== undefined) {
    return mend(
      'state-directory',
      `the state directory ${path} cannot be used: ${fault.fault}`,
      fault.remedy,
    );
  }
  const { place, stats } = await nearest(path);
  const ownUid = process.geteuid?.();
  // Also tells of a disk that is read-only.
  if (ownUid === 0 || ownUid === uid) await access(place, constants.W_OK | constants.X_OK);
  const by = uid === undefined ? '' : ` by user ${uid}`;
  if (place === path) return ok('state-directory', `${path} can be written to${by}`);
  if (user.isOfUnit && path === standardLocalSettings().stateDirectory) {
    return note('state-directory', `${path} does not exist yet; systemd makes it`);
  }
  if (uid !== undefined && !mayMakeIn(stats, uid)) {
    return mend(
      'state-directory',
      `the state directory ${path} does not exist, and user ${uid}, who runs the agent, may not make it in ${place}`,
      'make it and give it to that user with chown, or set "stateDirectory" to another directory',
    );
  }
  return note('state-directory', `${path} does not exist yet; the agent makes it`);
}

async function diskFinding(place: string): Promise<Finding> {
  const { bavail, bsize, ffree, files } = await statfs(place);
  return roomFinding(place, { freeBytes: bavail * bsize, inodes: files, freeInodes: ffree });
}

/** What there is to say of the room on a disk. A file system without a table of inodes tells zero of them (statfs(2)). */
export function roomFinding(
  place: string,
  room: { readonly freeBytes: number; readonly inodes: number; readonly freeInodes: number },
): Finding {
  const { freeBytes, freeInodes, inodes } = room;
  const remedy = 'make room, or events will be lost';
  if (freeBytes < enoughBytes)
    return mend('disk', `only ${sizeText(freeBytes)} are free at ${place}`, remedy);
  if (inodes > 0 && freeInodes < enoughInodes)
    return mend('disk', `only ${freeInodes} more files can be made at ${place}`, remedy);
  return ok('disk', `${sizeText(freeBytes)} are free at ${place}`);
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
