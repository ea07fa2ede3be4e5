import { BoundedMap } from '../../../base/bounded-map.js';
import type { Host } from '../../interface/host.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import { readThreadGroup } from '../../kernel/processes/proc.js';
import type { Doer } from '../../kernel/processes/processes.js';
import type { ConnectionProcess } from './facts.js';

/** A call, with the process that made it as it was known when the record of the call came. */
export interface ObservedCall extends SocketCall {
  readonly caller: SeenProcess | undefined;
  /** Of an accept: the inode of the socket that listens, where it could be looked at. */
  readonly listeningSocket?: number;
}

interface SeenProcess extends ConnectionProcess {
  /** The kernel's record of its execve was read. */
  readonly audited: boolean;
}

const mostThreads = 1024;
const deletedMark = ' (deleted)';

/** Looks up the processes behind threads; what was looked up is kept until `forget`, because bursts ask for the same. */
export class ConnectionProcesses {
  private readonly known = new Map<number, SeenProcess | undefined>();
  /** The processes of threads seen alive, for what is read after a thread has ended. */
  private readonly pidByThread = new BoundedMap<number, number>(mostThreads);

  constructor(private readonly host: Pick<Host, 'paths' | 'processes'>) {}

  /** @param atMs wall clock; undefined when nothing is known of the thread any more */
  ofThread(threadId: number, atMs: number): ConnectionProcess | undefined {
    const pid = readThreadGroup(this.host.paths, threadId);
    if (pid !== undefined && pid !== threadId) this.pidByThread.set(threadId, pid);
    // The first thread of a process has its id.
    return this.ofProcess(pid ?? this.pidByThread.get(threadId) ?? threadId, atMs);
  }

  ofProcess(pid: number, atMs: number): SeenProcess | undefined {
    if (this.known.has(pid)) return this.known.get(pid);
    const process = this.lookUp(pid, atMs);
    this.known.set(pid, process);
    return process;
  }

  /** For a call whose record came just now: the serials tell what its process had executed before it. */
  observe(call: SocketCall): ObservedCall {
    return { ...call, caller: this.lookUp(call.pid, call.timeMs, call) };
  }

  forget(): void {
    this.known.clear();
  }

  private lookUp(pid: number, atMs: number, doer?: Doer): SeenProcess | undefined {
    const found = this.host.processes.of(pid, atMs, doer);
    if (found?.executable === undefined && found?.argv === undefined) return undefined;
    const { executable, executedPath, argv = [], audited = false, container, realUid } = found;
    const argvComplete = argv.length > 0 && found.argvComplete !== false;
    return {
      pid,
      executable,
      executedPath,
      comm: undefined,
      argv,
      argvComplete,
      realUid,
      container,
      audited,
    };
  }
}

/**
 * The process of an audited call. The record of a call is right about the moment, but says of the program what the
 * process may have changed (PR_SET_MM_MAP in prctl(2)): the record of its execve is believed first, and then the record
 * of the call together with a process that was seen to agree with it. PROCTITLE may be that of the program before, or be
 * cut, and is never taken for the whole.
 *
 * @param others as it was seen at other times, because the table may learn late of an execution that is not audited
 */
export function processOfCall(
  call: ObservedCall,
  ...others: readonly (ConnectionProcess | undefined)[]
): ConnectionProcess {
  const { pid, exe, comm, caller } = call;
  const agrees = (seen: ConnectionProcess | undefined): boolean =>
    seen?.pid === pid && (exe === undefined || isSamePath(seen.executable, exe));
  const believed = caller?.audited === true ? caller : [caller, ...others].find(agrees);
  const doubted = caller?.executable !== undefined && !agrees(believed);
  const argv = believed?.argv ?? [];
  return {
    pid,
    executable: believed?.executable ?? exe,
    executedPath: believed?.executedPath,
    ...(doubted && { executableDoubted: true }),
    comm,
    argv: argv.length > 0 ? argv : call.title,
    argvComplete: argv.length > 0 && !doubted && believed?.argvComplete === true,
    realUid: call.uid ?? believed?.realUid,
    // Which holds for whatever the process runs.
    container: [caller, ...others].find((seen) => seen?.pid === pid)?.container,
  };
}

/** The kernel marks the path of a file that was deleted, or replaced, since it was executed. */
function isSamePath(path: string | undefined, other: string): boolean {
  const plain = (text: string): string =>
    text.endsWith(deletedMark) ? text.slice(0, -deletedMark.length) : text;
  return path !== undefined && plain(path) === plain(other);
}
