import type { ConnectionProcess } from './connection-create-payload.js';
import type { Host } from './host.js';
import type { SocketCall } from './linux/audit/socket-call.js';
import { readThreadGroup } from './linux/proc.js';

const mostThreads = 1024;

/** Looks up the processes behind threads; what was looked up is kept until `forget`, because bursts ask for the same. */
export class ConnectionProcesses {
  private readonly known = new Map<number, ConnectionProcess | undefined>();
  /** The processes of threads seen alive, for what is read after a thread has ended. */
  private readonly pidByThread = new Map<number, number>();

  constructor(private readonly host: Pick<Host, 'paths' | 'processes'>) {}

  /** @param atMs wall clock; undefined when nothing is known of the thread any more */
  ofThread(threadId: number, atMs: number): ConnectionProcess | undefined {
    const pid = readThreadGroup(this.host.paths, threadId);
    if (pid !== undefined && pid !== threadId) {
      this.pidByThread.delete(threadId);
      this.pidByThread.set(threadId, pid);
      for (const oldest of this.pidByThread.keys()) {
        if (this.pidByThread.size <= mostThreads) break;
        this.pidByThread.delete(oldest);
      }
    }
    // The first thread of a process has its id.
    return this.ofProcess(pid ?? this.pidByThread.get(threadId) ?? threadId, atMs);
  }

  ofProcess(pid: number, atMs: number): ConnectionProcess | undefined {
    if (this.known.has(pid)) return this.known.get(pid);
    const found = this.host.processes.of(pid, atMs);
    const process =
      found?.executable === undefined && found?.argv === undefined
        ? undefined
        : {
            pid,
            executable: found.executable,
            comm: undefined,
            argv: found.argv ?? [],
            argvComplete: found.argv !== undefined && found.argv.length > 0,
            realUid: found.realUid,
          };
    this.known.set(pid, process);
    return process;
  }

  forget(): void {
    this.known.clear();
  }
}

/** The process of an audited call: audit is right about the moment, /proc knows the whole command line. */
export function processOfCall(
  call: SocketCall,
  seen: ConnectionProcess | undefined,
): ConnectionProcess {
  const same = seen?.pid === call.pid && (call.exe === undefined || seen.executable === call.exe);
  return {
    pid: call.pid,
    executable: call.exe ?? (same ? seen.executable : undefined),
    comm: call.comm,
    argv: same && seen.argv.length > 0 ? seen.argv : call.title,
    argvComplete: same && seen.argv.length > 0 ? seen.argvComplete : call.titleComplete,
    realUid: call.uid ?? (same ? seen.realUid : undefined),
  };
}
