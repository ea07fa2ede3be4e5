import type { Clock, Timer } from '../clock.js';
import { connectionKey, type Endpoint, endpointKey } from './endpoint.js';
import { ListenCalls } from './listen-calls.js';
import { listeningCandidates, readListeningSockets } from './listening-sockets.js';
import type { Paths } from './paths.js';
import { readSocketInode } from './proc.js';
import type { ByteOrder } from './proc-net.js';
import { findSocketOwners, type SearchBounds } from './socket-owners.js';
import { WorkShare } from './work-share.js';

interface ListeningOwnersOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly byteOrder: ByteOrder;
  /** So many connections got no owner, because there was too much to look for. */
  readonly onGivenUp: (count: number) => void;
}

interface Accepted {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

interface Wish {
  readonly connections: readonly Accepted[];
  /** Those that the host's socket tables have; undefined as long as nobody looked. */
  present: readonly Accepted[] | undefined;
  readonly timer: Timer;
  readonly resolve: (owners: ReadonlyMap<string, number>) => void;
}

interface Holder {
  readonly pid: number;
  readonly descriptor: string;
}

/** What is known of who listens on a local end: a pid, the inode of a socket to search the holder of, or nothing. */
type Listener = { readonly pid?: number; readonly searchFor?: number };

const mostWaiting = 4096;
const mostWaitMs = 10_000;
/** How long a socket without a holder is not searched for again. */
const missingMs = 10_000;

/**
 * Finds the processes that listen, for connections that the kernel accepts while any process is interrupted.
 *
 * 1. A connection has an owner only when the socket tables of the agent's network namespace have it: the trace tells of
 *    every namespace without saying which, and anybody can make one with the addresses of the host. One that was gone
 *    from them before they were looked at has none. What remains: a connection that the tables have can be repeated with
 *    the same ends in another namespace, and is told once more.
 * 2. A holder is believed as long as its descriptor still is that socket, and searched for again otherwise.
 * 3. One search through the descriptors of all processes runs at a time, for all who wait. Looks at the tables and
 *    searches take a tenth of the time each, and two seconds at once; nobody waits longer than `mostWaitMs`, nor more than
 *    about `mostWaiting` connections. Owners that are known are told without waiting for a search.
 */
export class ListeningOwners {
  /** The inode by the `endpointKey` of a socket that listens. */
  private listening: ReadonlyMap<string, number> = new Map();
  private readonly holders = new Map<number, Holder>();
  private readonly missingUntilMs = new Map<number, number>();
  private readonly listenCalls: ListenCalls;
  /** Sockets to search among the descriptors of one process: the one that called listen(2), by the inode. */
  private readonly asked = new Map<number, number>();
  private readonly wishes = new Set<Wish>();
  private readonly ending = new AbortController();
  private readonly looks: WorkShare;
  private readonly searches: WorkShare;
  private lookTimer: Timer | undefined;
  private searchTimer: Timer | undefined;
  private searching = false;

  constructor(private readonly options: ListeningOwnersOptions) {
    this.listenCalls = new ListenCalls(options.paths, options.clock);
    this.looks = new WorkShare(options.clock);
    this.searches = new WorkShare(options.clock);
  }

  /** A process began to listen: notes it, and looks soon whether it holds the socket. */
  opened(local: Endpoint, pid: number | undefined): void {
    if (pid === undefined || this.ending.signal.aborted) return;
    if (this.listenCalls.add(local, pid)) this.lookSoon();
  }

  /** The pids that listen for these connections, by `connectionKey`; the unknown ones are missing. Never rejects. */
  of(connections: readonly Accepted[]): Promise<ReadonlyMap<string, number>> {
    if (connections.length === 0 || this.ending.signal.aborted) return Promise.resolve(new Map());
    return new Promise((resolve) => {
      const timer = this.options.clock.after(mostWaitMs, () => this.giveUp(wish));
      const wish: Wish = { connections, present: undefined, timer, resolve };
      this.wishes.add(wish);
      let waiting = [...this.wishes].reduce((sum, each) => sum + each.connections.length, 0);
      for (const oldest of this.wishes) {
        if (waiting <= mostWaiting || oldest === wish) break;
        waiting -= oldest.connections.length;
        this.giveUp(oldest);
      }
      this.lookSoon();
    });
  }

  /** Ends every search, and answers those who wait with what was found. */
  stop(): void {
    this.ending.abort();
    if (this.lookTimer !== undefined && this.looks.waitMs() === 0) this.look();
    this.lookTimer?.cancel();
    this.searchTimer?.cancel();
    for (const wish of this.wishes) this.answer(wish, new Map());
  }

  private lookSoon(): void {
    this.lookTimer ??= this.options.clock.after(this.looks.waitMs(), () => {
      this.lookTimer = undefined;
      this.look();
    });
  }

  private look(): void {
    const { paths, clock, byteOrder } = this.options;
    const beganMs = clock.monotonicMs();
    const unseen = [...this.wishes].filter(({ present }) => present === undefined);
    const wanted = new Set(unseen.flatMap(({ connections }) => connections.map(connectionKey)));
    const { inodes, present } = readListeningSockets(paths, byteOrder, wanted);
    this.listening = inodes;
    for (const wish of unseen)
      wish.present = wish.connections.filter((each) => present.has(connectionKey(each)));
    this.forgetClosed();
    for (const [inode, pid] of this.listenCalls.take(inodes)) this.asked.set(inode, pid);
    this.settle();
    this.looks.spent(clock.monotonicMs() - beganMs);
  }

  private forgetClosed(): void {
    const open = new Set(this.listening.values());
    for (const map of [this.holders, this.missingUntilMs, this.asked])
      for (const inode of map.keys()) if (!open.has(inode)) map.delete(inode);
  }

  /** Answers whom it can, and searches for the others. */
  private settle(): void {
    const listeners = new Map<string, Listener>();
    const wanted = new Set<number>();
    for (const wish of this.wishes) {
      if (wish.present === undefined) continue;
      let complete = true;
      for (const { local } of wish.present) {
        const { searchFor } = this.listenerOf(local, listeners);
        if (searchFor === undefined) continue;
        complete = false;
        wanted.add(searchFor);
      }
      if (complete) this.answer(wish, listeners);
    }
    if (this.searching || this.ending.signal.aborted || wanted.size + this.asked.size === 0) return;
    const waitMs = this.searches.waitMs();
    if (waitMs === 0) {
      void this.search(wanted);
      return;
    }
    this.searchTimer ??= this.options.clock.after(waitMs, () => {
      this.searchTimer = undefined;
      this.settle();
    });
  }

  /** @param known what this moment's look at the descriptors gave, by `endpointKey` */
  private listenerOf(local: Endpoint, known: Map<string, Listener>): Listener {
    const key = endpointKey(local);
    const listener = known.get(key) ?? this.findListener(local);
    known.set(key, listener);
    return listener;
  }

  private findListener(local: Endpoint): Listener {
    const { paths, clock } = this.options;
    const nowMs = clock.monotonicMs();
    const candidates = listeningCandidates(local);
    const key = candidates.find((candidate) => this.listening.has(candidate));
    const inode = key === undefined ? undefined : this.listening.get(key);
    if (inode === undefined) {
      const pid = this.listenCalls.pidOf(candidates);
      return pid === undefined ? {} : { pid };
    }
    const holder = this.holders.get(inode);
    if (holder !== undefined) {
      const { pid, descriptor } = holder;
      if (readSocketInode(paths, pid, descriptor) === inode) return { pid };
      this.holders.delete(inode);
    }
    const isMissing = (this.missingUntilMs.get(inode) ?? -Infinity) > nowMs;
    return inode === 0 || isMissing ? {} : { searchFor: inode };
  }

  private async search(wanted: ReadonlySet<number>): Promise<void> {
    const { clock } = this.options;
    let heldMs = 0;
    this.searching = true;
    const asked = new Map(this.asked);
    this.asked.clear();
    if (asked.size > 0)
      heldMs += await this.findHolders(new Set(asked.keys()), {
        pids: [...new Set(asked.values())],
      });
    const rest = new Set([...wanted].filter((inode) => !this.holders.has(inode)));
    if (rest.size > 0) {
      heldMs += await this.findHolders(rest, {});
      for (const inode of rest)
        if (!this.holders.has(inode))
          this.missingUntilMs.set(inode, clock.monotonicMs() + missingMs);
    }
    this.searches.spent(heldMs);
    this.searching = false;
    this.settle();
  }

  /** @returns how long the event loop was held, in milliseconds */
  private async findHolders(inodes: ReadonlySet<number>, bounds: SearchBounds): Promise<number> {
    const { paths, clock } = this.options;
    const { signal } = this.ending;
    try {
      const found = await findSocketOwners(paths, clock, inodes, signal, bounds);
      for (const [inode, pid] of found.pidByInode)
        this.holders.set(inode, { pid, descriptor: found.descriptorByInode.get(inode) ?? '' });
      return found.heldMs;
    } catch {
      // /proc cannot be listed: the owners stay unknown, and the payloads say so.
      return 0;
    }
  }

  private giveUp(wish: Wish): void {
    const found = this.answer(wish, new Map());
    // Of those that nobody looked at none is known to be of another namespace.
    const missing = (wish.present ?? wish.connections).length - found;
    if (missing > 0) this.options.onGivenUp(missing);
  }

  /** Tells how many owners were known. */
  private answer(wish: Wish, listeners: Map<string, Listener>): number {
    wish.timer.cancel();
    this.wishes.delete(wish);
    const owners = new Map<string, number>();
    for (const connection of wish.present ?? []) {
      const { pid } = this.listenerOf(connection.local, listeners);
      if (pid !== undefined) owners.set(connectionKey(connection), pid);
    }
    wish.resolve(owners);
    return owners.size;
  }
}
