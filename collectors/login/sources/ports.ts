import { isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import {
  connectionOf,
  listeningPortsOf,
  type ProcessConnection,
} from '../../kernel/sockets/process-connection.js';
import type { SocketStateSubscription } from '../../kernel/sockets/sock-state-trace.js';
import { LoginConnections, type LoginOrigin } from './connections.js';

/**
 * Finds the connection that a login came through.
 *
 * 1. A process that lives is asked itself; of one that is gone the kernel's trace of connections tells, where there is
 *    one.
 * 2. What is not certain is not told.
 */
export class LoginPorts {
  private readonly recent: LoginConnections;
  private trace: SocketStateSubscription | undefined;

  constructor(private readonly host: Host) {
    const { clock, processes, paths, byteOrder } = host;
    this.recent = new LoginConnections({
      monotonicMs: () => clock.monotonicMs(),
      parentOf: (pid, atMs) => processes.of(pid, atMs)?.parentPid,
      listeningPortsOf: (pid) => listeningPortsOf(paths, byteOrder, pid),
    });
  }

  /** Remembers connections from now on. Never fails: without the trace only processes that live are asked. */
  async start(): Promise<void> {
    const opened = await this.host.socketStates.subscribe({
      onTransitions: (transitions) => this.recent.take(transitions),
      // Whoever reports connections counts the loss.
      lose: () => this.recent.missed(),
      onFailed: () => {
        this.trace = undefined;
        this.recent.missed();
      },
    });
    if (isUnavailable(opened)) return;
    this.trace = opened;
    this.recent.missed();
  }

  of(login: LoginOrigin): ProcessConnection | undefined {
    const { paths, byteOrder } = this.host;
    const held = connectionOf(paths, byteOrder, login.pid, login.remoteAddress);
    if (this.trace !== undefined) this.recent.take(this.trace.untold());
    if (held === undefined) return this.trace && this.recent.find(login);
    this.recent.claim(login.pid, held);
    return held;
  }

  end(): void {
    this.trace?.end();
    this.trace = undefined;
  }
}
