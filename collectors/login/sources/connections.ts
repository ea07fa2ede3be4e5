import { endpointKey } from '../../kernel/sockets/endpoint.js';
import type { ProcessConnection } from '../../kernel/sockets/process-connection.js';
import { isClosedByThread, tcpStates } from '../../kernel/sockets/sock-state.js';
import type { ObservedTransition } from '../../kernel/sockets/sock-state-trace.js';

/** A login whose connection is asked for. */
export interface LoginOrigin {
  readonly pid: number;
  readonly remoteAddress: string;
  /** When it was recorded, wall clock. */
  readonly timeMs: number;
}

interface LoginConnectionsOptions {
  readonly monotonicMs: () => number;
  /** Of a process at a time (wall clock), as far as it is known. */
  readonly parentOf: (pid: number, atMs: number) => number | undefined;
  /** The ports that a process listens on now. */
  readonly listeningPortsOf: (pid: number) => ReadonlySet<number>;
}

interface Remembered extends ProcessConnection {
  readonly socket: string;
  readonly timeNs: number;
  readonly timeMs: number;
  readonly sinceMs: number;
  closed: { readonly threadId: number; readonly timeMs: number } | undefined;
  claimedBy: number | undefined;
}

/** sshd gives a login two minutes by default. */
const rememberedMs = 600_000;
/** Of one local port, so that a busy server does not drive out the logins; and of all. */
const mostOfPort = 256;
const mostRemembered = 1024;
/** The clock of audit is a tick of up to 10 ms late. */
const slackMs = 50;
/** Programs tell the end of an attempt while they close its connection. */
const closingMs = 1000;

/**
 * The inbound connections of the last minutes, for logins whose process is gone before it could be asked.
 *
 * 1. The connection of a login is the one that its process, or a child of it, closed.
 * 2. Where none is known to be, it is the only one from its address to a port of its parent that no other process
 *    closed and no other login has; only when nothing was missed for as long as connections are remembered.
 * 3. Of several that could be meant, none is told.
 * 4. What is remembered is bounded in number and age.
 */
export class LoginConnections {
  /** In the order they were established. */
  private readonly remembered = new Map<string, Remembered>();
  private readonly bySocket = new Map<string, Remembered>();
  private readonly countByPort = new Map<number, number>();
  private watchedSinceMs: number;

  constructor(private readonly options: LoginConnectionsOptions) {
    this.watchedSinceMs = options.monotonicMs();
  }

  get size(): number {
    return this.remembered.size;
  }

  /** Transitions may be told more than once. */
  take(transitions: readonly ObservedTransition[]): void {
    this.expire();
    for (const transition of transitions) {
      const { oldState, newState } = transition;
      if (oldState === tcpStates.synReceived && newState === tcpStates.established)
        this.remember(transition);
      else if (isClosedByThread(transition)) this.closed(transition);
    }
  }

  /** Connections were missed. */
  missed(): void {
    this.watchedSinceMs = this.options.monotonicMs();
  }

  /** Another source knows the connection of a process. */
  claim(pid: number, connection: ProcessConnection): void {
    for (const candidate of this.remembered.values()) {
      if (isSame(candidate, connection)) candidate.claimedBy = pid;
    }
  }

  find(login: LoginOrigin): ProcessConnection | undefined {
    this.expire();
    const candidates = [...this.remembered.values()].filter(
      ({ remote, timeMs }) =>
        remote.address === login.remoteAddress && timeMs <= login.timeMs + slackMs,
    );
    const closed = candidates.filter((candidate) => this.isClosedBy(candidate, login));
    const recent = closed.filter((each) => (each.closed?.timeMs ?? 0) >= login.timeMs - closingMs);
    // Of one who closed his before that, none of those that are left is his.
    const found = closed.length > 0 ? recent : this.possible(candidates, login);
    const [only] = found;
    if (only === undefined || found.length > 1) return undefined;
    only.claimedBy = login.pid;
    return only;
  }

  private isClosedBy({ closed }: Remembered, { pid }: LoginOrigin): boolean {
    if (closed === undefined) return false;
    return closed.threadId === pid || this.options.parentOf(closed.threadId, closed.timeMs) === pid;
  }

  private possible(candidates: readonly Remembered[], login: LoginOrigin): readonly Remembered[] {
    const { monotonicMs, parentOf, listeningPortsOf } = this.options;
    if (monotonicMs() - this.watchedSinceMs < rememberedMs || candidates.length === 0) return [];
    const parent = parentOf(login.pid, login.timeMs);
    if (parent === undefined) return [];
    const ports = listeningPortsOf(parent);
    return candidates.filter(
      ({ local, closed, claimedBy }) =>
        ports.has(local.port) && closed === undefined && (claimedBy ?? login.pid) === login.pid,
    );
  }

  private remember({ socket, timeNs, timeMs, local, remote }: ObservedTransition): void {
    const key = keyOf(socket, timeNs);
    if (this.remembered.has(key)) return;
    const connection: Remembered = {
      ...{ socket, timeNs, timeMs, local, remote },
      sinceMs: this.options.monotonicMs(),
      closed: undefined,
      claimedBy: undefined,
    };
    this.remembered.set(key, connection);
    this.bySocket.set(socket, connection);
    const count = (this.countByPort.get(local.port) ?? 0) + 1;
    this.countByPort.set(local.port, count);
    if (count <= mostOfPort && this.remembered.size <= mostRemembered) return;
    for (const oldest of this.remembered.values()) {
      if (count > mostOfPort && oldest.local.port !== local.port) continue;
      this.forget(oldest);
      // Its login, if it is still to come, must not be given what is left.
      this.missed();
      return;
    }
  }

  private closed(transition: ObservedTransition): void {
    const { socket, timeNs, timeMs, threadId } = transition;
    const connection = this.bySocket.get(socket);
    if (connection === undefined || connection.timeNs > timeNs) return;
    // The kernel uses the memory of a socket again.
    if (isSame(connection, transition)) connection.closed ??= { threadId, timeMs };
  }

  private expire(): void {
    const oldestMs = this.options.monotonicMs() - rememberedMs;
    for (const connection of this.remembered.values()) {
      if (connection.sinceMs > oldestMs) return;
      this.forget(connection);
    }
  }

  private forget(connection: Remembered): void {
    const { socket, timeNs, local } = connection;
    this.remembered.delete(keyOf(socket, timeNs));
    if (this.bySocket.get(socket) === connection) this.bySocket.delete(socket);
    const count = (this.countByPort.get(local.port) ?? 1) - 1;
    if (count === 0) this.countByPort.delete(local.port);
    else this.countByPort.set(local.port, count);
  }
}

function keyOf(socket: string, timeNs: number): string {
  return `${socket} ${timeNs}`;
}

function isSame(a: ProcessConnection, b: ProcessConnection): boolean {
  return (
    endpointKey(a.remote) === endpointKey(b.remote) && endpointKey(a.local) === endpointKey(b.local)
  );
}
