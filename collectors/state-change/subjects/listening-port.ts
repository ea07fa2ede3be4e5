import type { Timer } from '../../../base/clock.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import type { RunningCollector } from '../../interface/collector.js';
import type { Host } from '../../interface/host.js';
import type {
  Items,
  LookContext,
  Subject,
  SubjectWatchContext,
  Who,
} from '../../interface/state-subject.js';
import { readExecutable } from '../../kernel/processes/proc.js';
import { readListeningTable, readListeningTableNow } from '../../kernel/sockets/listening-table.js';
import type { ListeningSocket, SocketProtocol } from '../../kernel/sockets/proc-net.js';
import { tcpStates } from '../../kernel/sockets/sock-state.js';
import { findSocketOwners } from '../../kernel/sockets/socket-owners.js';
import { type Holder, itemOf, type ListeningItem, listeningItems } from './listening-items.js';
import { SettledSockets } from './settled-sockets.js';

/** How often the sockets are compared with those of the last look, which takes a millisecond. */
const comparedEveryMs = 20_000;
/** A program opens several, and one that closes at once is none. */
const afterNewsMs = 1_000;
const betweenNewsMs = 5_000;

/**
 * Where somebody listens in the agent's network namespace, and with which program. A new listener of TCP is noticed at once
 * where the states of sockets are traced anyway; for the rest the kernel is asked from time to time, which costs far less
 * than a snapshot: who holds a socket is searched for those alone that are new.
 */
export function listeningPort(): Subject {
  const sockets = new SettledSockets();
  let holders: ReadonlyMap<number, Holder> = new Map();
  let items: ReadonlyMap<string, ListeningItem> = new Map();
  /** Of the last look, and before: who is asked for what was removed, too. */
  let former: ReadonlyMap<string, ListeningItem> = new Map();
  let known: Items | undefined;
  let looked = '';
  let compareIn: (delayMs: number) => void = () => undefined;

  const settledNow = async (host: Host, signal: AbortSignal, lose: LookContext['lose']) => {
    const found = await readSockets(host, signal, lose);
    if (isUnavailable(found)) return found;
    const isKnown = (socket: ListeningSocket): boolean => known?.has(itemOf(socket)) === true;
    return sockets.settled(found, host.clock.monotonicMs(), isKnown);
  };

  return {
    name: 'ListeningPort',
    async look(context) {
      const { host, lose, signal } = context;
      ({ known } = context);
      const settled = await settledNow(host, signal, lose);
      if (isUnavailable(settled)) return settled;
      holders = await findHolders(host, settled, holders, signal);
      signal.throwIfAborted();
      looked = keyOf(settled);
      const userOf = (uid: number): string => host.users.nameOf(uid) ?? String(uid);
      former = items;
      items = listeningItems(settled, holders, userOf, known);
      const told = new Map([...items].map(([item, { text }]) => [item, text]));
      const present = new Set(told.keys());
      for (const item of sockets.mayReturn(present, known?.keys(), host.clock.monotonicMs()))
        told.set(item, known?.get(item) ?? '');
      const nextMs = sockets.nextMs(host.clock.monotonicMs());
      if (nextMs !== undefined) compareIn(nextMs);
      return told;
    },
    whoOf: (item) => whoOf(items.get(item) ?? former.get(item)),
    watch(context) {
      const isDifferent = async (signal: AbortSignal): Promise<boolean> => {
        const settled = await settledNow(context.host, signal, context.lose);
        if (isUnavailable(settled)) return true;
        return keyOf(settled) !== looked || sockets.nextMs(context.host.clock.monotonicMs()) === 0;
      };
      const comparing = compareNowAndThen(context, isDifferent);
      ({ compareIn } = comparing);
      return Promise.resolve(comparing);
    },
  };
}

/** Asks whether something is different from time to time, and soon after each news of a listener. */
function compareNowAndThen(
  { changed, host }: SubjectWatchContext,
  isDifferent: (signal: AbortSignal) => Promise<boolean>,
): RunningCollector & { readonly compareIn: (delayMs: number) => void } {
  const { clock } = host;
  const abort = new AbortController();
  let timer: Timer | undefined;
  let dueMs = Infinity;
  let lastMs = -Infinity;
  const compareIn = (delayMs: number): void => {
    const wantedMs = clock.monotonicMs() + delayMs;
    if (abort.signal.aborted || (timer !== undefined && dueMs <= wantedMs)) return;
    timer?.cancel();
    dueMs = wantedMs;
    timer = clock.after(delayMs, () => void compare());
  };
  const compare = async (): Promise<void> => {
    timer = undefined;
    lastMs = clock.monotonicMs();
    // What cannot be read now is looked at, which says why.
    if (await isDifferent(abort.signal).catch(() => !abort.signal.aborted)) changed();
    compareIn(comparedEveryMs);
  };
  const unfollow = host.socketStates.follow((transitions) => {
    if (!transitions.some(({ newState }) => newState === tcpStates.listen)) return;
    compareIn(Math.max(afterNewsMs, lastMs + betweenNewsMs - clock.monotonicMs()));
  });
  compareIn(comparedEveryMs);
  return {
    compareIn,
    stop: () => {
      abort.abort();
      timer?.cancel();
      unfollow();
      return Promise.resolve();
    },
  };
}

async function readSockets(
  host: Host,
  signal: AbortSignal,
  lose: LookContext['lose'],
): Promise<readonly ListeningSocket[] | Unavailable> {
  const answer = host.tcpListeners.look();
  const isAsked = !isUnavailable(answer);
  const found: ListeningSocket[] = isAsked ? [...answer.sockets] : [];
  let malformed = isAsked ? answer.malformed : 0;
  let tables = isAsked ? 1 : 0;
  const protocols: readonly SocketProtocol[] = isAsked
    ? ['udp', 'udp6']
    : ['tcp', 'tcp6', 'udp', 'udp6'];
  for (const protocol of protocols) {
    const table = await readTable(host, protocol, signal);
    if (table === undefined) continue;
    tables++;
    malformed += table.malformed;
    found.push(...table.sockets);
  }
  if (malformed > 0) lose('unparsed', malformed);
  if (tables === 0) return { unavailable: `${host.paths.procRoot}/net has no socket tables.` };
  return found;
}

/** One that is short, at once: each look would wake several threads a dozen times otherwise. */
async function readTable(
  { byteOrder, paths }: Host,
  protocol: SocketProtocol,
  signal: AbortSignal,
): ReturnType<typeof readListeningTable> {
  const isUdp = protocol === 'udp' || protocol === 'udp6';
  const table = isUdp ? readListeningTableNow(paths, protocol, byteOrder) : 'longer';
  return table === 'longer' ? readListeningTable(paths, protocol, byteOrder, signal) : table;
}

/** Those that are known already, and those of new sockets. */
async function findHolders(
  { clock, paths }: Host,
  sockets: readonly ListeningSocket[],
  before: ReadonlyMap<number, Holder>,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, Holder>> {
  const holders = new Map<number, Holder>();
  const wanted = new Set<number>();
  for (const { inode } of sockets) {
    const holder = before.get(inode);
    if (holder !== undefined) holders.set(inode, holder);
    else if (inode !== 0) wanted.add(inode);
  }
  // Of a socket that systemd opened for a service systemd is told, whether the service runs or not.
  for (const bounds of [{ pids: [1] }, {}]) {
    if (wanted.size === 0) break;
    const { pidByInode } = await findSocketOwners(paths, clock, wanted, signal, bounds);
    for (const [inode, pid] of pidByInode) {
      wanted.delete(inode);
      const executable = readExecutable(paths, pid)?.replace(/ \(deleted\)$/u, '');
      holders.set(inode, { pid, ...(executable !== undefined && { executable }) });
    }
  }
  return holders;
}

function whoOf(item: ListeningItem | undefined): Who | undefined {
  if (item?.holder === undefined) return undefined;
  const { executable, pid } = item.holder;
  return { pid, ...(executable !== undefined && { executable }), userId: String(item.uid) };
}

/** The same for the same sockets. */
function keyOf(sockets: readonly ListeningSocket[]): string {
  return sockets
    .map((socket) => `${itemOf(socket)} ${socket.inode}`)
    .sort()
    .join('\n');
}
