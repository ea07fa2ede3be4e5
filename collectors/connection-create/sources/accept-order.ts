/**
 * Who took which connection, where several processes accept from the sockets of one local end. Pure.
 *
 * The kernel puts a connection into the queue of a socket when its handshake is finished, and accept(2) takes the first of
 * the queue (`inet_csk_accept` in `net/ipv4/inet_connection_sock.c`). Known are the end of each handshake; of each call a
 * time that is not later than its beginning, which may be long before anybody connects; and a time at which it was over,
 * because its record was read. Calls of two processes may have ended in another order than they took.
 */

/** A connection whose handshake is finished. */
export interface QueuedConnection {
  /** When that was; wall clock, milliseconds. */
  readonly atMs: number;
}

/** A call of accept(2) that took a connection. */
export interface AcceptingCall {
  readonly pid: number;
  /** The inode of the socket that listens. */
  readonly socket: number;
  /** Not later than the call began; wall clock, milliseconds. */
  readonly beganMs: number;
  /** Not earlier than it ended, in the same time. */
  readonly endedMs: number;
}

/** Connections and calls of which none belongs to one of another group. */
export interface AcceptGroup<Q, C> {
  readonly connections: readonly Q[];
  readonly calls: readonly C[];
}

/** The pid of who took a connection; `several` when more than one may have, undefined when no call is known. */
export type Taker = number | 'several' | undefined;

/** Both times are of the same clock, but of two measurements. */
const clockErrorMs = 5;

/**
 * 1. A call that was over before a connection was there took one of those before it. Where as many calls were over as
 *    there were connections, they took just these: there is a border.
 * 2. Of one socket the first connections belong to the first calls: where all of some calls were over before any of the
 *    others began, and there are as many calls as connections, there is a border, too.
 * 3. A group with fewer calls than connections is not finished; with more, connections are missing, and nothing follows
 *    for others.
 *
 * @param connections all of one local end, whoever took them, since a time at which none waited
 * @param calls all of its sockets whose records were read
 */
export function acceptGroups<Q extends QueuedConnection, C extends AcceptingCall>(
  connections: readonly Q[],
  calls: readonly C[],
): AcceptGroup<Q, C>[] {
  const queued = [...connections].sort((a, b) => a.atMs - b.atMs);
  const ended = [...calls].sort((a, b) => a.endedMs - b.endedMs);
  const groups: AcceptGroup<Q, C>[] = [];
  let [firstConnection, firstCall, afterCall] = [0, 0, 0];
  const endedBefore = (timeMs: number): void => {
    while ((ended[afterCall]?.endedMs ?? Infinity) < timeMs - clockErrorMs) afterCall++;
  };
  endedBefore(queued[0]?.atMs ?? Infinity);
  firstCall = afterCall;
  queued.forEach((_, index) => {
    const next = queued[index + 1];
    if (next === undefined) afterCall = ended.length;
    else endedBefore(next.atMs);
    if (next !== undefined && afterCall - firstCall <= index - firstConnection) return;
    groups.push(
      ...inOrder({
        connections: queued.slice(firstConnection, index + 1),
        calls: ended.slice(firstCall, afterCall),
      }),
    );
    [firstConnection, firstCall] = [index + 1, afterCall];
  });
  return groups;
}

/** The borders of rule 2. */
function inOrder<Q, C extends AcceptingCall>(group: AcceptGroup<Q, C>): AcceptGroup<Q, C>[] {
  const { connections, calls } = group;
  if (connections.length !== calls.length) return [group];
  if (new Set(calls.map(({ socket }) => socket)).size > 1) return [group];
  const groups: AcceptGroup<Q, C>[] = [];
  const firstBegins: number[] = [];
  let earliest = Infinity;
  for (const { beganMs } of [...calls].reverse()) {
    earliest = Math.min(earliest, beganMs);
    firstBegins.unshift(earliest);
  }
  let first = 0;
  calls.forEach(({ endedMs }, index) => {
    if ((firstBegins[index + 1] ?? Infinity) <= endedMs + clockErrorMs) return;
    groups.push({
      connections: connections.slice(first, index + 1),
      calls: calls.slice(first, index + 1),
    });
    first = index + 1;
  });
  return groups;
}

/** Every connection of the group has its call, and every call its connection. */
export function isFinished({ connections, calls }: AcceptGroup<unknown, unknown>): boolean {
  return connections.length === calls.length;
}

/**
 * Who took the connections of a group.
 *
 * 1. Calls of one process leave no doubt, unless there are too few of them: then nothing is known where no other process
 *    accepts, and there is doubt where one does.
 * 2. What `seenWith` says is believed of a process that accepts.
 * 3. In a finished group, whose every call belongs to a connection that is known, takes no other.
 *
 * @param seenWith the process that was seen to have the connection, asked only where there is doubt
 * @param accepting whoever accepted from these sockets lately
 */
export function takersOf<Q, C extends AcceptingCall>(
  group: AcceptGroup<Q, C>,
  seenWith: (connection: Q) => number | undefined,
  accepting: ReadonlySet<number>,
): Map<Q, Taker> {
  const { connections, calls } = group;
  const free = new Map<number, number>();
  for (const { pid } of calls) free.set(pid, (free.get(pid) ?? 0) + 1);
  const [only] = free.keys();
  if (free.size === 1 && calls.length >= connections.length)
    return new Map(connections.map((connection) => [connection, only]));
  const takers = new Map<Q, Taker>();
  for (const connection of connections) {
    const pid = seenWith(connection);
    if (pid === undefined || !accepting.has(pid)) continue;
    takers.set(connection, pid);
    free.set(pid, (free.get(pid) ?? 0) - 1);
  }
  const left = [...free].filter(([, count]) => count > 0).map(([pid]) => pid);
  const isContradictory = [...free.values()].some((count) => count < 0);
  const [last] = left;
  const rest: Taker =
    isFinished(group) && left.length === 1 && !isContradictory
      ? last
      : calls.length < connections.length && accepting.size <= 1
        ? undefined
        : 'several';
  for (const connection of connections) if (!takers.has(connection)) takers.set(connection, rest);
  return takers;
}
