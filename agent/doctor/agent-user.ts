import { readFile } from 'node:fs/promises';
import { isUnavailable } from '../../base/unavailable.js';
import { UserNames } from '../../collectors/kernel/files/users.js';
import { hostPaths } from '../../collectors/kernel/paths.js';
import { defaultConfigFile } from '../../config/read-local-settings.js';
import { agentGroup } from '../enroll/configuration.js';
import { groupIdOf } from '../enroll/settings-file.js';
import type { ProcessIds } from '../identity/credentials/secret-file.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { agentUnit, openSystemdManager } from '../supervisor/systemd-manager.js';

/** Who runs the agent, and so must be able to read and write what doctor looks at as somebody else. */
export interface AgentUser {
  /** Undefined when that cannot be known. */
  readonly ids: ProcessIds | undefined;
  /** It is the user of the unit, for which systemd makes the standard directories. */
  readonly isOfUnit: boolean;
}

/**
 * The user of the agent that runs, else the one that the unit names, else the one who asks.
 * @param configFile the unit runs with the default one, and says nothing about others
 */
export async function findAgentUser(
  answer: StatusDocument | Unanswered,
  configFile: string,
): Promise<AgentUser> {
  if ('agent' in answer) return { ids: await idsOfProcess(answer.agent.pid), isOfUnit: false };
  const name = configFile === defaultConfigFile ? await userOfUnit() : undefined;
  if (name === undefined) return { ids: await idsOfProcess(process.pid), isOfUnit: false };
  const uid = /^\d+$/.test(name) ? Number(name) : new UserNames(hostPaths).uidOf(name);
  const gid = await groupIdOf(agentGroup);
  const gids = gid === undefined ? [] : [gid];
  return { ids: uid === undefined ? undefined : { uid, gids }, isOfUnit: true };
}

/** The effective ones, which decide about files, the group of the process first (proc_pid_status(5)). */
async function idsOfProcess(pid: number): Promise<ProcessIds | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const numbers = (name: string): readonly number[] =>
    (new RegExp(`^${name}:(.*)$`, 'm').exec(text)?.[1] ?? '').match(/\d+/g)?.map(Number) ?? [];
  const [uid, gid] = [numbers('Uid')[1], numbers('Gid')[1]];
  if (uid === undefined || gid === undefined) return undefined;
  return { uid, gids: [gid, ...numbers('Groups').filter((other) => other !== gid)] };
}

/** Undefined where there is no such unit, or systemd does not say. */
async function userOfUnit(): Promise<string | undefined> {
  const manager = await openSystemdManager();
  if (isUnavailable(manager)) return undefined;
  const state = manager.state(agentUnit);
  manager.close();
  if (isUnavailable(state) || state.load !== 'loaded') return undefined;
  return state.user === '' ? 'root' : state.user;
}
