import { opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, plainReason } from '../../base/errors.js';
import { quarantineSuffix } from '../spool/quarantine.js';
import { stateNames } from '../state/state-directory.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { durationText, sizeText } from '../status/duration-text.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

const mostFiles = 10_000;
const isPutAside = new RegExp(quarantineSuffix);

/** What waits for the hub: by the agent that runs, and otherwise by the files, which are only counted. */
export async function checkSpool(
  stateDirectory: string,
  answer: StatusDocument | Unanswered,
): Promise<Finding> {
  if ('agent' in answer) return toldFinding(answer.spool);
  const directory = join(stateDirectory, stateNames.spool);
  try {
    return await filesFinding(directory);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return ok('spool', 'nothing waits for the hub yet');
    const remedy = hasCode(error, 'EACCES') ? 'run doctor as root' : 'check the file system';
    return unknown('spool', `${directory} cannot be read: ${plainReason(error)}`, remedy);
  }
}

function toldFinding({ diskBytes, limitBytes, problem, queues }: StatusDocument['spool']): Finding {
  if (problem !== undefined) {
    return mend(
      'spool',
      `the disk takes no events, which wait in memory: ${problem}`,
      'make room, or mend the file system',
    );
  }
  const waiting = Object.values(queues).reduce((sum, { events }) => sum + events, 0);
  const oldest = Math.max(
    0,
    ...Object.values(queues).map(({ oldestSeconds = 0 }) => oldestSeconds),
  );
  const age = waiting === 0 ? '' : `, the oldest for ${durationText(oldest)}`;
  const found = `${waiting} events wait for the hub${age}, in ${sizeText(diskBytes)} of ${sizeText(limitBytes)}`;
  return diskBytes > 0.9 * limitBytes
    ? note(
        'spool',
        found,
        'have it send more often, or raise maxLocalCacheSizeInBytes in the twin: what does not fit is dropped, Low first',
      )
    : ok('spool', found);
}

async function filesFinding(directory: string): Promise<Finding> {
  let [files, bytes, putAside] = [0, 0, 0];
  for await (const { name } of await opendir(directory)) {
    if (files > mostFiles) break;
    if (isPutAside.test(name)) putAside++;
    if (name === 'lock') continue;
    const stats = await stat(join(directory, name)).catch(() => undefined);
    if (stats?.isFile() !== true) continue;
    files++;
    bytes += stats.size;
  }
  const found = `${sizeText(bytes)} in ${files} files of ${directory} wait for the hub`;
  return putAside === 0
    ? ok('spool', found)
    : note(
        'spool',
        `${found}; ${putAside} more could not be read and were put aside (….quarantine)`,
        'keep them for a report of what broke them, or delete them',
      );
}
