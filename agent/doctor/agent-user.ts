import { readFile } from 'node:fs/promises';
import { isUnavailable } from '../../collectors/collector.js';
import { hostPaths } from '../../collectors/linux/paths.js';
import { UserNames } from '../../collectors/linux/users.js';
import { defaultConfigFile } from '../commands/command.js';
import type { Unanswered } from '../status/client.js';
import type { StatusDocument } from '../status/document.js';
import { agentUnit, openSystemdManager } from '../systemd-manager.js';

/** Who runs the agent, and so must be able to read and write what doctor looks at as somebody else. */
export interface AgentUser {
  /** Undefined when that cannot be known. */
  readonly uid: number | undefined;
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
  if ('agent' in answer) return { uid: await uidOfProcess(answer.agent.pid), isOfUnit: false };
  const name = configFile === defaultConfigFile ? await userOfUnit() : undefined;
  if (name === undefined) return { uid: process.geteuid?.(), isOfUnit: false };
  const uid = /^\d+$/.test(name) ? Number(name) : new UserNames(hostPaths).uidOf(name);
  return { uid, isOfUnit: true };
}

/** The effective one, which decides about files (proc_pid_status(5)). */
async function uidOfProcess(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const uid = /^Uid:\s+\d+\s+(\d+)/m.exec(text)?.[1];
  return uid === undefined ? undefined : Number(uid);
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
