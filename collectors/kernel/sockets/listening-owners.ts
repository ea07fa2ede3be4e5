import type { Clock, Timer } from '../../../base/clock.js';
import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import { readSocketInode } from '../processes/proc.js';
import { ClosedListeners } from './closed-listeners.js';
import type { EndedSocket } from './ended-sockets-messages.js';
import { connectionKey, type Endpoint, endpointKey } from './endpoint.js';
import { ListenCalls } from './listen-calls.js';
import { listeningCandidates, readListeningSockets } from './listening-sockets.js';
import { RecentlyEnded } from './recently-ended.js';
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

/** An accepted connection that the agent's network namespace has, or had. */
export interface HostConnection {
  /** Who holds the socket that listens, where it is known and one process has all of them. */
  readonly pid: number | undefined;
  /** The inodes of the sockets that listen for it; several with SO_REUSEPORT, none when they are closed since. */
  readonly listening: readonly number[];
  /** The inode of its own socket; 0 when it had none while it was looked at. */
  readonly inode: number;
}

interface Wish {
  /** Those that the host was not found to have, by `connectionKey`. */
  readonly missing: Map<string, Accepted>;
  /** The host has them: the inode of each, 0 when it is not known. */
  readonly present: Map<Accepted, number>;
  /** The tables were looked at for it, and later news of ended sockets are waited for until then. */
  newsUntilMs: number | undefined;
  /** All news that were there when that time was over are told. */
  isNewsOver: boolean;
  readonly timer: Timer;
  readonly resolve: (owners: ReadonlyMap<string, HostConnection>) => void;
}

interface Holder {
  readonly pid: number;
  readonly descriptor: string;
}

/** What is known of who listens on a local end: a pid, the inodes of sockets to search the holders of, or nothing. */
interface Listener {
  readonly pid?: number;
  readonly inodes: readonly number[];
  readonly searchFor?: readonly number[];
  /** Nothing is known of such a socket, or no longer: the tables may know more. */
  readonly isNews?: boolean;
}

const mostWaiting = 4096;
const mostWaitMs = 10_000;
/** How long a socket without a holder is not searched for again. */
const missingMs = 10_000;
/** A connection that ends this soon is known by the news of its end, without a look at the tables. */
const beforeLookMs = 100;
/** How late the news of an end may be. */
const newsDelayMs = 300;

/**
 * Finds the processes that listen, for connections that the kernel accepts while any process is interrupted.
 *
 * 1. A connection has an owner only when the agent's network namespace has it, by the socket tables, or had it, by the
 *    kernel's news of sockets that ended there: the trace tells of every namespace without saying which, and anybody can
 *    make one with the addresses of the host. What remains: a connection can be repeated with the same ends in another
 *    namespace, and is told once more. Without the news, one that was gone before the look has no owner.
 * 2. A holder is believed as long as its descriptor still is that socket, and searched for again otherwise. Where sockets
 *    of several processes listen on one end (SO_REUSEPORT), nobody is said to.
 * 3. One search through the descriptors of all processes runs at a time, for all who wait. Looks at the tables and
 *    searches take a tenth of the time each, and two seconds at once; nobody waits longer than `mostWaitMs`, nor more than
 *    about `mostWaiting` connections. Owners that are known are told without waiting for a search, and without a look
 *    where the connections have ended.
 */
export class ListeningOwners {
  /** The inodes by the `endpointKey` of sockets that listen. */
  private listening: ReadonlyMap<string, readonly number[]> = new Map();
  private open: ReadonlySet<number> = new Set();
  private readonly holders = new Map<number, Holder>();
  /** Who let go of a socket, by the inode: it was his until then, if nobody else has it. */
  private readonly formerPids = new Map<number, number>();
  private readonly closed: ClosedListeners;
  private readonly missingUntilMs = new Map<number, number>();
  private readonly listenCalls: ListenCalls;
  /** Sockets to search among the descriptors of one process: the one that called listen(2), by the inode. */
  private readonly asked = new Map<number, number>();
  private readonly wishes = new Set<Wish>();
  private readonly ending = new AbortController();
  private readonly looks: WorkShare;
  private readonly searches: WorkShare;
  private readonly recentlyEnded: RecentlyEnded;
  private refreshNews: (() => void) | undefined;
  private lookTimer: Timer | undefined;
  private lookAtMs = Infinity;
  private newsTimer: Timer | undefined;
  private searchTimer: Timer | undefined;
  private searching = false;
  /** Nobody asked to look for all holders ahead of connections, or they were looked for. */
  private isPrepared = true;

  constructor(private readonly options: ListeningOwnersOptions) {
    this.listenCalls = new ListenCalls(options.paths, options.clock);
    this.looks = new WorkShare(options.clock);
    this.searches = new WorkShare(options.clock);
    this.recentlyEnded = new RecentlyEnded(options.clock);
    this.closed = new ClosedListeners(options.clock);
  }

  /** Sockets that end are told from now on. @param refresh tells those that ended up to now */
  expectNews(refresh: () => void): void {
    this.refreshNews = refresh;
  }

  expectNoNews(): void {
    this.refreshNews = undefined;
  }

  /** Sockets of the agent's network namespace ended. */
  ended(sockets: readonly EndedSocket[]): void {
    this.recentlyEnded.add(sockets);
    let found = false;
    for (const wish of this.wishes) {
      if (wish.missing.size === 0) continue;
      for (const socket of sockets) found = this.has(wish, connectionKey(socket), 0) || found;
    }
    if (found) this.settle();
  }

  /** Looks who listens now, and finds the holders, so that connections need not wait for it. */
  prepare(): void {
    this.isPrepared = false;
    this.lookSoon(0);
  }

  /** A process began to listen: notes it, and looks soon whether it holds the socket. */
  opened(local: Endpoint, pid: number | undefined): void {
    if (pid === undefined || this.ending.signal.aborted) return;
    if (this.listenCalls.add(local, pid)) this.lookSoon(0);
  }

  /** Whether a socket with this inode was seen to listen in the agent's network namespace, and is not known to be closed. */
  isListening(inode: number): boolean {
    return this.open.has(inode);
  }

  /**
   * Those of the connections that the host has, or had, by `connectionKey`, with who listens for them. Never rejects.
   */
  of(connections: readonly Accepted[]): Promise<ReadonlyMap<string, HostConnection>> {
    if (connections.length === 0 || this.ending.signal.aborted) return Promise.resolve(new Map());
    return new Promise((resolve) => {
      const timer = this.options.clock.after(mostWaitMs, () => this.giveUp(wish));
      const wish: Wish = {
        missing: new Map(connections.map((each) => [connectionKey(each), each])),
        present: new Map(),
        newsUntilMs: undefined,
        isNewsOver: false,
        timer,
        resolve,
      };
      for (const key of [...wish.missing.keys()])
        if (this.recentlyEnded.has(key)) this.has(wish, key, 0);
      this.wishes.add(wish);
      let waiting = [...this.wishes].reduce((sum, each) => sum + sizeOf(each), 0);
      for (const oldest of this.wishes) {
        if (waiting <= mostWaiting || oldest === wish) break;
        waiting -= sizeOf(oldest);
        this.giveUp(oldest);
      }
      if (wish.missing.size > 0) this.lookSoon(this.refreshNews === undefined ? 0 : beforeLookMs);
      else this.settle();
    });
  }

  /** Ends every search, and answers those who wait with what was found. */
  stop(): void {
    this.ending.abort();
    if (this.lookTimer !== undefined && this.looks.waitMs() === 0) this.look();
    for (const timer of [this.lookTimer, this.searchTimer, this.newsTimer]) timer?.cancel();
    for (const wish of this.wishes) this.answer(wish, new Map());
  }

  private lookSoon(delayMs: number): void {
    const { clock } = this.options;
    const waitMs = Math.max(delayMs, this.looks.waitMs());
    const atMs = clock.monotonicMs() + waitMs;
    if (this.lookAtMs <= atMs) return;
    this.lookTimer?.cancel();
    this.lookAtMs = atMs;
    this.lookTimer = clock.after(waitMs, () => {
      this.lookTimer = undefined;
      this.lookAtMs = Infinity;
      this.look();
    });
  }

  private look(): void {
    const { paths, clock, byteOrder } = this.options;
    const beganMs = clock.monotonicMs();
    // What ended before the tables are read is told before it is missed.
    this.refreshNews?.();
    const unseen = [...this.wishes].filter(({ newsUntilMs }) => newsUntilMs === undefined);
    const wanted = new Set(unseen.flatMap(({ missing }) => [...missing.keys()]));
    const { inodes, present } = readListeningSockets(paths, byteOrder, wanted);
    this.rememberClosed(inodes);
    this.listening = inodes;
    this.open = new Set([...inodes.values()].flat());
    for (const wish of unseen) {
      for (const key of [...wish.missing.keys()]) {
        const inode = present.get(key);
        if (inode !== undefined) this.has(wish, key, inode);
      }
      wish.newsUntilMs = beganMs + newsDelayMs;
      wish.isNewsOver = this.refreshNews === undefined;
    }
    this.forgetClosed();
    for (const [inode, pid] of this.listenCalls.take(inodes)) this.asked.set(inode, pid);
    this.settle();
    this.looks.spent(clock.monotonicMs() - beganMs);
  }

  /** False when the wish has no such connection, or found it already. */
  private has(wish: Wish, key: string, inode: number): boolean {
    const connection = wish.missing.get(key);
    if (connection === undefined) return false;
    wish.missing.delete(key);
    wish.present.set(connection, inode);
    return true;
  }

  private rememberClosed(open: ReadonlyMap<string, readonly number[]>): void {
    for (const [key, inodes] of this.listening) {
      if (open.has(key)) continue;
      const pids = new Set(
        inodes.map((inode) => this.holders.get(inode)?.pid ?? this.formerPids.get(inode)),
      );
      this.closed.add(key, { inodes, pid: pids.size === 1 ? [...pids][0] : undefined });
    }
  }

  private forgetClosed(): void {
    for (const map of [this.holders, this.formerPids, this.missingUntilMs, this.asked])
      for (const inode of map.keys()) if (!this.open.has(inode)) map.delete(inode);
  }

  /** Answers whom it can, and searches for the others. */
  private settle(): void {
    const nowMs = this.options.clock.monotonicMs();
    const listeners = new Map<string, Listener>();
    const wanted = new Set<number>();
    let nextNewsMs = Infinity;
    for (const wish of this.wishes) {
      const { newsUntilMs, isNewsOver, missing } = wish;
      if (missing.size > 0 && !isNewsOver) {
        nextNewsMs = Math.min(nextNewsMs, newsUntilMs ?? Infinity);
        continue;
      }
      let complete = true;
      for (const { local } of wish.present.keys()) {
        const { searchFor, isNews } = this.listenerOf(local, listeners);
        if (isNews === true && newsUntilMs === undefined) {
          complete = false;
          this.lookSoon(0);
        }
        if (searchFor === undefined) continue;
        complete = false;
        for (const inode of searchFor) wanted.add(inode);
      }
      if (complete) this.answer(wish, listeners);
    }
    if (nextNewsMs < Infinity) {
      this.newsTimer ??= this.options.clock.after(nextNewsMs - nowMs, () => this.endNews());
    }
    if (!this.isPrepared && this.open.size > 0) {
      this.isPrepared = true;
      for (const inode of this.open) if (inode !== 0) wanted.add(inode);
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

  /** The time is over for some: whatever the kernel has told in it is read before they are answered. */
  private endNews(): void {
    this.newsTimer = undefined;
    const nowMs = this.options.clock.monotonicMs();
    this.refreshNews?.();
    for (const wish of this.wishes)
      if (wish.newsUntilMs !== undefined && wish.newsUntilMs <= nowMs) wish.isNewsOver = true;
    this.settle();
  }

  /** @param known what this moment's look at the descriptors gave, by `endpointKey` */
  private listenerOf(local: Endpoint, known: Map<string, Listener>): Listener {
    const key = endpointKey(local);
    const listener = known.get(key) ?? this.findListener(local);
    known.set(key, listener);
    return listener;
  }

  private findListener(local: Endpoint): Listener {
    const nowMs = this.options.clock.monotonicMs();
    const candidates = listeningCandidates(local);
    const key = candidates.find((candidate) => this.listening.has(candidate));
    const inodes = key === undefined ? undefined : this.listening.get(key);
    if (inodes === undefined) {
      const closed = this.closed.find(candidates);
      const pid = closed?.pid ?? this.listenCalls.pidOf(candidates);
      return { inodes: closed?.inodes ?? [], isNews: true, ...(pid !== undefined && { pid }) };
    }
    const pids = new Set<number | undefined>();
    const searchFor: number[] = [];
    let isNews = false;
    for (const inode of inodes) {
      const holder = this.holders.get(inode);
      if (holder !== undefined && this.isHeld(holder, inode)) {
        pids.add(holder.pid);
        continue;
      }
      // Its holder let it go: another socket may listen in its place.
      if (holder !== undefined) {
        this.holders.delete(inode);
        this.formerPids.set(inode, holder.pid);
        isNews = true;
      }
      const isMissing = (this.missingUntilMs.get(inode) ?? -Infinity) > nowMs;
      if (inode === 0 || isMissing) pids.add(this.formerPids.get(inode));
      else searchFor.push(inode);
    }
    const [pid] = pids.size === 1 && searchFor.length === 0 ? pids : [];
    return {
      inodes,
      isNews,
      ...(pid !== undefined && { pid }),
      ...(searchFor.length > 0 && { searchFor }),
    };
  }

  private isHeld({ pid, descriptor }: Holder, inode: number): boolean {
    return readSocketInode(this.options.paths, pid, descriptor) === inode;
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
    const all = wish.newsUntilMs === undefined ? sizeOf(wish) : wish.present.size;
    if (all > found) this.options.onGivenUp(all - found);
  }

  /** Tells how many owners were known. */
  private answer(wish: Wish, listeners: Map<string, Listener>): number {
    wish.timer.cancel();
    this.wishes.delete(wish);
    const owners = new Map<string, HostConnection>();
    let known = 0;
    for (const [connection, inode] of wish.present) {
      const { pid, inodes: listening } = this.listenerOf(connection.local, listeners);
      if (pid !== undefined) known++;
      owners.set(connectionKey(connection), { pid, listening, inode });
    }
    wish.resolve(owners);
    return known;
  }
}

function sizeOf({ missing, present }: Wish): number {
  return missing.size + present.size;
}
