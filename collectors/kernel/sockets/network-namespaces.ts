import { readdirSync, readlinkSync } from 'node:fs';
import type { Clock } from '../../../base/clock.js';
import { hasCode } from '../../../base/errors.js';
import type { Paths } from '../paths.js';
import { pidsAmong, readNetworkNamespace } from '../processes/proc.js';
import { Turn } from './socket-owners.js';

/** What there is beside the network namespace of the agent, whose sockets /proc/net does not list (namespaces(7)). */
export interface OtherNamespaces {
  /** Network namespaces of processes, without the agent's own. */
  readonly count: number;
  /** Processes whose namespace the kernel does not show without CAP_SYS_PTRACE. */
  readonly forbiddenProcesses: number;
}

/**
 * Counts the network namespaces in which processes are, by one link for each process: 2 ms for 300 of them. Namespaces
 * without a process are not seen, nor those of a single thread. Undefined where the agent's own cannot be read, so that
 * nobody can tell which are others.
 */
export async function otherNetworkNamespaces(
  paths: Paths,
  clock: Clock,
  signal: AbortSignal,
): Promise<OtherNamespaces | undefined> {
  const own = readNetworkNamespace(paths, 'self');
  if (own === undefined) return undefined;
  const others = new Set<string>();
  let forbiddenProcesses = 0;
  const turn = new Turn(clock);
  for (const pid of pidsAmong(readdirSync(paths.procRoot))) {
    if (signal.aborted) break;
    try {
      const namespace = readlinkSync(`${paths.procRoot}/${pid}/ns/net`);
      if (namespace !== own) others.add(namespace);
    } catch (error) {
      // Any other failure: the process has ended.
      if (hasCode(error, 'EACCES', 'EPERM')) forbiddenProcesses++;
    }
    await turn.pass();
  }
  return { count: others.size, forbiddenProcesses };
}
