import { posix } from 'node:path';
import type { Details } from '../../contract/events.js';
import type { Observation } from '../interface/collector.js';
import type { FileState } from './file-state.js';
import type { Told } from './folding.js';
import type { FoundChange } from './found-change.js';
import type { Doer } from './sources/touch.js';

type FileDetails = Details<'FileChange'>;

/** The name of a user at a moment, where it is known. */
type NameOf = (uid: number, timeMs: number) => string | undefined;

/** The payload of one change, or of a burst. Whatever is not known is absent, and a caveat says so. */
export function observationOf(told: Told, nameOf: NameOf): Observation<'FileChange'> {
  const details: FileDetails = 'path' in told ? detailsOf(told) : foldedDetails(told);
  const { doer, notBeforeMs, timeMs } = told;
  if (notBeforeMs !== undefined) {
    details.WhileDown = 'true';
    details.NotBeforeUtc = new Date(notBeforeMs).toISOString();
  }
  if (doer === undefined) details.WhoKnown = 'false';
  else if (doer.loginUid !== undefined) details.LoginUserId = String(doer.loginUid);
  const what =
    'path' in told
      ? { Path: told.path, Change: told.change }
      : { Path: commonDirectory(told.first.map(({ path }) => path)), Change: 'Several' as const };
  const argv = doer?.process.argv ?? [];
  return {
    timeMs,
    ...(argv.length > 0 && { argv }),
    payload: {
      ...what,
      ...(doer !== undefined && who(doer, nameOf, timeMs)),
      ...(argv.length > 0 && { CommandLine: argv.join(' ') }),
      ExtraDetails: details,
    },
  };
}

function who({ process }: Doer, nameOf: NameOf, timeMs: number) {
  const { executable, pid, uid } = process;
  const userName = uid === undefined ? undefined : nameOf(uid, timeMs);
  return {
    ProcessId: pid,
    ...(executable !== undefined && { Executable: executable }),
    ...(uid !== undefined && { UserId: String(uid) }),
    ...(userName !== undefined && { UserName: userName }),
  };
}

function detailsOf({ after, before, change, renamedFrom }: FoundChange): FileDetails {
  const details: FileDetails = {};
  if (renamedFrom !== undefined) details.RenamedFrom = renamedFrom;
  if (before !== undefined) {
    details.ModeBefore = modeText(before);
    details.OwnerBefore = ownerText(before);
    if (before.hash !== undefined) details.HashBefore = hexadecimal(before.hash);
  }
  if (after !== undefined) {
    details.ModeAfter = modeText(after);
    details.OwnerAfter = ownerText(after);
    if (after.hash !== undefined) details.HashAfter = hexadecimal(after.hash);
  }
  // Of a directory there is none.
  const lacksHash = (state: FileState | undefined): boolean =>
    state !== undefined && state.type !== 'directory' && state.hash === undefined;
  const lacksBefore = before === undefined && change === 'Changed';
  if (lacksHash(before) || lacksHash(after) || lacksBefore) details.HashKnown = 'false';
  return details;
}

function foldedDetails({ count, first }: Exclude<Told, FoundChange>): FileDetails {
  return { Folded: String(count), FoldedPaths: first.map(({ path }) => path).join(', ') };
}

function modeText({ mode }: FileState): string {
  return mode.toString(8).padStart(4, '0');
}

function ownerText({ gid, uid }: FileState): string {
  return `${uid}:${gid}`;
}

function hexadecimal(hash: string): string {
  return Buffer.from(hash, 'base64url').toString('hex');
}

function commonDirectory(paths: readonly string[]): string {
  const [first = '/', ...others] = paths.map((path) => posix.dirname(path));
  let common = first;
  for (const other of others)
    while (common !== '/' && other !== common && !other.startsWith(`${common}/`))
      common = posix.dirname(common);
  return common;
}
