import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';
import type { Paths } from '../../kernel/paths.js';
import { readSocketInode, readThreadGroup } from '../../kernel/processes/proc.js';
import { connectionKey, type Endpoint, endpointKey } from '../../kernel/sockets/endpoint.js';
import type { HostConnection } from '../../kernel/sockets/owner-wish.js';
import { acceptGroups, isFinished, type Taker, takersOf } from './accept-order.js';
import type { ObservedCall } from './processes.js';

/** A connection that the kernel accepted. */
export interface Inbound {
  /** When its handshake was finished; wall clock. */
  readonly atMs: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** As the host has it; `elsewhere`: it is of another network namespace; undefined while that is not known. */
  host: HostConnection | 'elsewhere' | undefined;
  /** The thread that closed its end. */
  closedBy: number | undefined;
  told: boolean;
}

/** A call whose socket is known. */
interface PlacedCall extends ObservedCall {
  readonly socket: number;
  readonly beganMs: number;
  readonly endedMs: number;
}

/** Who took a connection. */
export interface AcceptAnswer {
  readonly taker: Taker;
  /** One that the taker made, on a socket that listens for the connection. */
  readonly call: ObservedCall | undefined;
  /** Records of calls that are not read yet may tell more. */
  readonly mayChange: boolean;
}

interface ConnectionAcceptsOptions {
  readonly clock: Clock;
  readonly paths: Paths;
  /** Whether a socket of that inode listens in the agent's network namespace. */
  readonly isListening: (inode: number) => boolean;
  /** Accepted connections that the trace has recorded, and not told yet. */
  readonly untold: () => readonly Omit<Inbound, 'host' | 'closedBy' | 'told'>[];
}

type Queued = Omit<Inbound, 'host' | 'closedBy' | 'told'>;

const mostOpen = 8192;
/** On one local port. */
const mostQueued = 1024;
const mostSockets = 512;
/** On one socket. */
const mostCalls = 1024;
/** For connections and calls without their counterpart. */
const keptMs = 10_000;
/** Where too many of them are without. */
const brieflyKeptMs = 1000;
/** So long a process that accepted counts as one that accepts. */
const acceptingMs = 600_000;
/** On one socket. */
const mostAccepting = 256;

/**
 * The takers of the connections of the host, by the calls of accept(2).
 *
 * 1. A call counts for the socket that it was made on, and only while that listens in the agent's network namespace: what
 *    anybody accepts elsewhere, or on a socket of another kind, takes nothing from anyone.
 * 2. A call that names the other end took that connection; the others are matched by their times (`acceptGroups`), where
 *    connections count that may turn out to be of another network namespace.
 * 3. Where that leaves a doubt, a process that accepts from the socket took what it has, or what it closed.
 * 4. Nothing follows from the times while connections were forgotten that still may be taken; all is bounded.
 */
export class ConnectionAccepts {
  /** In the order they came, by the local port. */
  private readonly queues = new Map<number, Inbound[]>();
  /** Local ports of which connections were forgotten since nothing waited. */
  private readonly unordered = new Set<number>();
  /** By the kernel's name of the socket, as long as nobody closed it. */
  private readonly open = new BoundedMap<string, Inbound>(mostOpen);
  /** By the inode of the socket that listens. */
  private readonly calls = new Map<number, PlacedCall[]>();
  /** When each process accepted last, by the inode of the socket that listens. */
  private readonly accepting = new Map<number, BoundedMap<number, number>>();
  /** Connections and calls that belong together, so that they need not be kept when they were told. */
  private matched: {
    readonly connections: readonly Queued[];
    readonly calls: Iterable<PlacedCall>;
  }[] = [];

  constructor(private readonly options: ConnectionAcceptsOptions) {}

  /** @param socket the kernel's name of the accepted socket */
  begun(socket: string, { atMs, local, remote }: Queued): Inbound {
    const inbound: Inbound = {
      atMs,
      local,
      remote,
      host: undefined,
      closedBy: undefined,
      told: false,
    };
    this.open.set(socket, inbound);
    const queue = this.queues.get(local.port);
    if (queue === undefined) this.queues.set(local.port, [inbound]);
    else queue.push(inbound);
    return inbound;
  }

  /** A thread closed this end. */
  closed(socket: string, threadId: number, ends: Pick<Inbound, 'local' | 'remote'>): void {
    const inbound = this.open.get(socket);
    this.open.delete(socket);
    // The end of another may have been missed, and the kernel gives the memory of its socket to the next.
    if (inbound !== undefined && connectionKey(inbound) === connectionKey(ends))
      inbound.closedBy = threadId;
  }

  called(call: ObservedCall, socket: number): void {
    const nowMs = this.options.clock.wallMs();
    const placed = { ...call, socket, beganMs: call.timeMs, endedMs: nowMs };
    const calls = this.calls.get(socket) ?? [];
    calls.push(placed);
    if (calls.length > mostCalls) calls.shift();
    this.calls.set(socket, calls);
    const accepting = this.accepting.get(socket) ?? new BoundedMap<number, number>(mostAccepting);
    accepting.set(call.pid, nowMs);
    this.accepting.set(socket, accepting);
    for (const map of [this.calls, this.accepting]) {
      if (map.size <= mostSockets) continue;
      const isUseless = (inode: number): boolean => !this.options.isListening(inode);
      const [oldest] = [...[...map.keys()].filter(isUseless), ...map.keys()];
      if (oldest !== undefined) map.delete(oldest);
    }
  }

  /** Who took these; those that the host does not have are left out. */
  answersFor(connections: readonly Inbound[]): Map<Inbound, AcceptAnswer> {
    const answers = new Map<Inbound, AcceptAnswer>();
    this.matched = [];
    const places = new Map(connections.map((each) => [placeOf(each), each]));
    for (const [place, { host, local }] of places)
      if (place !== undefined && typeof host === 'object')
        this.answer(place, host, local.port, answers);
    return answers;
  }

  /** Forgets what was answered last and told since, and what has waited long. */
  tidy(): void {
    const nowMs = this.options.clock.wallMs();
    const done = new Set<unknown>();
    for (const { connections, calls } of this.matched) {
      if (!connections.every((each) => 'told' in each && each.told === true)) continue;
      for (const each of [...connections, ...calls]) done.add(each);
    }
    this.matched = [];
    for (const [port, queue] of this.queues) {
      const left = queue.filter((each) => {
        if (!each.told) return true;
        if (done.has(each) || typeof each.host !== 'object') return false;
        if (this.acceptingOn(each.host).size === 0) return false;
        const longestMs = queue.length > mostQueued ? brieflyKeptMs : keptMs;
        if (each.atMs > nowMs - longestMs) return true;
        this.unordered.add(port);
        return false;
      });
      if (left.length > 0) this.queues.set(port, left);
      else {
        this.queues.delete(port);
        this.unordered.delete(port);
      }
    }
    for (const [socket, calls] of this.calls) {
      const left = calls.filter((call) => !done.has(call) && call.endedMs > nowMs - keptMs);
      if (left.length > 0) this.calls.set(socket, left);
      else this.calls.delete(socket);
    }
    for (const socket of this.accepting.keys())
      if (!this.calls.has(socket) && !this.options.isListening(socket))
        this.accepting.delete(socket);
  }

  private answer(
    place: string,
    host: HostConnection,
    port: number,
    answers: Map<Inbound, AcceptAnswer>,
  ): void {
    const accepting = this.acceptingOn(host);
    if (accepting.size === 0) return;
    const calls = host.listening.flatMap((socket) => this.calls.get(socket) ?? []);
    // Of those that nobody looked for yet each may have been taken by one of the calls.
    const queue = (this.queues.get(port) ?? []).filter(
      (each) => each.host === undefined || placeOf(each) === place,
    );
    const named = namedIn(
      queue.filter((each) => each.host !== undefined),
      calls,
    );
    for (const [inbound, call] of named) {
      answers.set(inbound, { taker: call.pid, call, mayChange: false });
      this.matched.push({ connections: [inbound], calls: [call] });
    }
    const taken = new Set(named.values());
    const unnamed: Queued[] = queue.filter((each) => !named.has(each));
    const others = calls.filter((call) => !taken.has(call));
    // Among the calls there may already be those of connections that are told in a moment.
    if (accepting.size > 1)
      unnamed.push(...this.options.untold().filter(({ local }) => local.port === port));
    const seenWith = this.seeing(calls, accepting);
    const isOrdered = !this.unordered.has(port);
    // Who listens is who accepts: nothing is gained by waiting.
    const isAlone = accepting.size === 1 && host.pid !== undefined && accepting.has(host.pid);
    const groups = isOrdered
      ? acceptGroups(unnamed, others)
      : unnamed.map((each) => ({ connections: [each], calls: [] }));
    for (const group of groups) {
      if (isFinished(group)) this.matched.push(group);
      for (const [each, taker] of takersOf(group, seenWith, accepting)) {
        if (!('told' in each)) continue;
        answers.set(each as Inbound, {
          taker,
          call: calls.findLast(({ pid }) => pid === taker),
          mayChange: typeof taker !== 'number' && isOrdered && !isFinished(group) && !isAlone,
        });
      }
    }
  }

  private acceptingOn({ listening }: HostConnection): Set<number> {
    const oldestMs = this.options.clock.wallMs() - acceptingMs;
    const accepting = listening.flatMap((socket) => [...(this.accepting.get(socket) ?? [])]);
    return new Set(accepting.filter(([, atMs]) => atMs > oldestMs).map(([pid]) => pid));
  }

  /** The process that has a connection, or closed it; only of those that accept. */
  private seeing(
    calls: readonly PlacedCall[],
    accepting: ReadonlySet<number>,
  ): (connection: Queued) => number | undefined {
    const { paths } = this.options;
    let holders: Map<number, number> | undefined;
    const holdersOf = (): Map<number, number> => {
      const found = new Map<number, number>();
      for (const { pid, descriptor } of calls) {
        const inode =
          descriptor === undefined ? undefined : readSocketInode(paths, pid, descriptor);
        if (inode !== undefined) found.set(inode, pid);
      }
      return found;
    };
    return (connection) => {
      if (!('told' in connection)) return undefined;
      const { closedBy, host } = connection as Inbound;
      if (closedBy !== undefined)
        return accepting.has(closedBy) ? closedBy : readThreadGroup(paths, closedBy);
      if (typeof host !== 'object' || host.inode === 0) return undefined;
      holders ??= holdersOf();
      return holders.get(host.inode);
    };
  }
}

/** The same for connections that the same sockets listen for. */
function placeOf({ host }: Inbound): string | undefined {
  return typeof host === 'object' && host.listening.length > 0
    ? host.listening.join(' ')
    : undefined;
}

/** The calls that name the other end of a connection. */
function namedIn(
  queue: readonly Inbound[],
  calls: readonly PlacedCall[],
): Map<Inbound, PlacedCall> {
  const byRemote = new Map<string, PlacedCall[]>();
  for (const call of calls) {
    if (call.remote === undefined) continue;
    const key = endpointKey(call.remote);
    byRemote.set(key, [...(byRemote.get(key) ?? []), call]);
  }
  const named = new Map<Inbound, PlacedCall>();
  if (byRemote.size === 0) return named;
  for (const inbound of queue) {
    const call = byRemote.get(endpointKey(inbound.remote))?.shift();
    if (call !== undefined) named.set(inbound, call);
  }
  return named;
}
