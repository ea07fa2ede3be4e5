import type { Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, readBoundedFile } from '../../base/bounded-file.js';
import { hasCode, plainReason } from '../../base/errors.js';
import type { LocalSettings } from '../../config/local-settings.js';
import { defaultConfigFile } from '../../config/read-local-settings.js';
import { secretNames } from '../enroll/configuration.js';
import { holdsKey } from '../identity/credentials/certificate.js';
import { mendingCommand, shellWord } from '../identity/credentials/secret-file.js';
import { secretFilesOf } from '../identity/credentials/secret-files.js';
import { statusSocket } from '../status/service.js';
import type { AgentUser } from './agent-user.js';
import { mend, note, ok, unknown, type Finding } from './finding.js';

/** How many files of the state are looked at; the agent has a few hundred at most. */
const mostEntries = 20_000;
const mostSecretBytes = 65_536;

/** Owner and mode of each file that the agent reads or keeps. A file that is missing is told by who needs it. */
export async function checkPermissions(
  configFile: string,
  settings: LocalSettings,
  user: AgentUser,
): Promise<readonly Finding[]> {
  const findings = [
    await judged(configFile, (stats) => settingsFault(configFile, stats, user)),
    await judged(dirname(configFile), (stats) => directoryFault(dirname(configFile), stats, user)),
  ];
  for (const path of secretFilesOf(settings)) {
    const isPublic = path === settings.identity.certificateFile && !(await mayHoldKey(path));
    findings.push(
      await judged(path, (stats) =>
        isPublic
          ? (writableFault(path, stats, 'who this device is') ?? unreadFault(path, stats, user))
          : secretFault(path, stats, user),
      ),
    );
  }
  if (settings.trustedCaFile !== undefined) {
    const path = settings.trustedCaFile;
    findings.push(await judged(path, (stats) => writableFault(path, stats, 'what is trusted')));
  }
  findings.push(await judged(statusSocket(settings.runtimeDirectory), socketFault, lstat));
  findings.push(await stateFinding(settings.stateDirectory, user));
  return findings.filter((finding) => finding !== undefined);
}

/** A certificate alone is no secret. What cannot be read is taken to be one. */
async function mayHoldKey(path: string): Promise<boolean> {
  try {
    return holdsKey((await readBoundedFile(path, mostSecretBytes)).bytes);
  } catch (error) {
    if (error instanceof FileError) return true;
    throw error;
  }
}

interface Fault {
  readonly fault: string;
  readonly remedy: string;
  /** Nothing comes of it as long as nobody uses it. */
  readonly isNote?: true;
}

async function judged(
  path: string,
  faultOf: (stats: Stats) => Fault | undefined,
  look: (path: string) => Promise<Stats> = stat,
): Promise<Finding | undefined> {
  let stats: Stats;
  try {
    stats = await look(path);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    return unknown(
      'permissions',
      `${path} cannot be looked at: ${plainReason(error)}`,
      'run doctor as root',
    );
  }
  const found = `${path} has mode ${octal(stats)} and belongs to ${stats.uid}:${stats.gid}`;
  const fault = faultOf(stats);
  if (fault === undefined) return ok('permissions', found);
  const verdict = fault.isNote === true ? note : mend;
  return verdict('permissions', `${found}, so that ${fault.fault}`, fault.remedy);
}

function settingsFault(path: string, stats: Stats, user: AgentUser): Fault | undefined {
  const writable = writableFault(path, stats, 'who this device is');
  if (writable !== undefined) return writable;
  return closedFault(path, stats, user);
}

function closedFault(path: string, stats: Stats, { ids }: AgentUser): Fault | undefined {
  if (ids === undefined || mayRead(stats, ids)) return undefined;
  return {
    fault: `user ${ids.uid}, who runs the agent, may not read it`,
    remedy: `chown root:${ids.gids[0] ?? ids.uid} ${shellWord(path)} && chmod 640 ${shellWord(path)}`,
  };
}

/** Whoever may write a directory may put another file in the place of one that he may not write. */
function directoryFault(path: string, stats: Stats, user: AgentUser): Fault | undefined {
  const isSticky = (stats.mode & 0o1000) !== 0;
  if ((stats.mode & 0o002) !== 0 && !isSticky) {
    return {
      fault: 'everybody could put another configuration into it',
      remedy: `chmod o-w ${shellWord(path)}`,
    };
  }
  if (stats.uid === 0 || stats.uid === user.ids?.uid || user.ids === undefined) return undefined;
  return {
    fault: `user ${stats.uid} could put another configuration into it`,
    remedy: `chown root ${shellWord(path)}`,
  };
}

function writableFault(path: string, stats: Stats, what: string): Fault | undefined {
  if ((stats.mode & 0o022) === 0) return undefined;
  return { fault: `others could change ${what}`, remedy: `chmod go-w ${shellWord(path)}` };
}

function secretFault(path: string, stats: Stats, user: AgentUser): Fault | undefined {
  if (user.ids === undefined) return undefined;
  const command = mendingCommand(path, stats, user.ids);
  if (command !== undefined)
    return { fault: 'others could read or change the secret in it', remedy: command };
  return unreadFault(path, stats, user);
}

function unreadFault(path: string, stats: Stats, user: AgentUser): Fault | undefined {
  return isHandedOver(path) ? undefined : closedFault(path, stats, user);
}

/** The unit has systemd hand these over (`LoadCredential=`), so that root alone need be able to read them. */
function isHandedOver(path: string): boolean {
  const names: readonly string[] = Object.values(secretNames);
  return dirname(path) === dirname(defaultConfigFile) && names.includes(basename(path));
}

function socketFault(stats: Stats): Fault | undefined {
  if (!stats.isSocket()) return undefined;
  if ((stats.mode & 0o006) === 0) return undefined;
  return {
    fault: 'everybody may ask for the status',
    remedy: 'restart the agent, which closes it',
    isNote: true,
  };
}

function mayRead(
  { gid, mode, uid: owner }: Stats,
  { gids, uid }: { readonly uid: number; readonly gids: readonly number[] },
): boolean {
  if (uid === 0) return true;
  if (owner === uid) return (mode & 0o400) !== 0;
  return gids.includes(gid) ? (mode & 0o040) !== 0 : (mode & 0o004) !== 0;
}

/** Files of another user remain when the agent was once started by hand, as root, and it can write none of them. */
async function stateFinding(directory: string, { ids }: AgentUser): Promise<Finding | undefined> {
  let entries = 0;
  const strange: string[] = [];
  const walk = async (path: string): Promise<void> => {
    for await (const entry of await opendir(path)) {
      if (++entries > mostEntries) return;
      const inner = join(path, entry.name);
      // It may be gone by now, if the agent runs.
      const stats = await lstat(inner).catch(() => undefined);
      if (stats === undefined) continue;
      if (ids !== undefined && stats.uid !== ids.uid) strange.push(inner);
      if (stats.isDirectory()) await walk(inner);
    }
  };
  try {
    await walk(directory);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
    return unknown(
      'permissions',
      `${directory} cannot be looked into: ${plainReason(error)}`,
      'run doctor as root',
    );
  }
  if (entries > mostEntries) {
    return note(
      'permissions',
      `${directory} has more than ${mostEntries} entries, of which not all were looked at`,
      'see what is in it: the agent makes a few hundred at most',
    );
  }
  const [first] = strange;
  if (first === undefined) {
    const whose = ids === undefined ? '' : `, all of user ${ids.uid}`;
    return ok('permissions', `${directory} has ${entries} entries${whose}`);
  }
  return mend(
    'permissions',
    `${strange.length} entries of ${directory} do not belong to user ${ids?.uid ?? '?'}, who runs the agent, ${first} among them`,
    `chown -R ${ids?.uid ?? '?'} ${shellWord(directory)}`,
  );
}

function octal(stats: Stats): string {
  return (stats.mode & 0o7777).toString(8).padStart(4, '0');
}
