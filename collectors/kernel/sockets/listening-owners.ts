import type { Clock, Timer } from '../../../base/clock.js';
import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import type { EndedSocket } from './ended-sockets-messages.js';
import { connectionKey, type Endpoint } from './endpoint.js';
import { type Listener, Listeners } from './listeners.js';
import { readListeningSockets } from './listening-sockets.js';
import { RecentlyEnded } from './recently-ended.js';
import {
  type Accepted,
  found,
  type HostConnection,
  newWish,
  sizeOf,
  type Wish,
} from './owner-wish.js';
import { WorkShare } from './work-share.js';

interface ListeningOwnersOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly byteOrder: ByteOrder;
  /** So many connections got no owner, because there was too much to look for. */
  readonly onGivenUp: (count: number) => void;
}

const mostWaiting = 4096;
const mostWaitMs = 10_000;
/** A connection that ends this soon is known by the news of its end, without a look at the tables. */
const beforeLookMs = 100;
/** How late the news of an end may be. */
const newsDelayMs = 300;

/**
 * The processes that listen, for connections that the kernel accepts while any process is interrupted.
 *
 * 1. A connection has an owner only when the agent's network namespace has it, by the socket tables, or had it, by the
 *    kernel's news of sockets that ended there: the trace tells of every namespace without saying which, and anybody can
 *    make one with the addresses of the host. What remains: a connection can be repeated with the same ends in another
 *    namespace, and is told once more. Without the news, one that was gone before the look has no owner.
 * 2. One search through the descriptors of all processes runs at a time, for all who wait. Looks at the tables and
 *    searches take a tenth of the time each, and two seconds at once; nobody waits longer than `mostWaitMs`, nor more than
 *    about `mostWaiting` connections. Owners that are known are told without waiting for a search, and without a look
 *    where the connections have ended.
 */
export class ListeningOwners {
  private readonly listeners: Listeners;
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
    this.listeners = new Listeners(options.paths, options.clock);
    this.looks = new WorkShare(options.clock);
    this.searches = new WorkShare(options.clock);
    this.recentlyEnded = new RecentlyEnded(options.clock);
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
    let isAny = false;
    for (const wish of this.wishes) {
      if (wish.missing.size === 0) continue;
      for (const socket of sockets) isAny = found(wish, connectionKey(socket), 0) || isAny;
    }
    if (isAny) this.settle();
  }

  /** Looks who listens now, and finds the holders, so that connections need not wait for it. */
  prepare(): void {
    this.isPrepared = false;
    this.lookSoon(0);
  }

  /** A process began to listen: notes it, and looks soon whether it holds the socket. */
  opened(local: Endpoint, pid: number | undefined): void {
    if (pid === undefined || this.ending.signal.aborted) return;
    if (this.listeners.opened(local, pid)) this.lookSoon(0);
  }

  /** Whether a socket with this inode was seen to listen in the agent's network namespace, and is not known to be closed. */
  isListening(inode: number): boolean {
    return this.listeners.isListening(inode);
  }

  /**
   * Those of the connections that the host has, or had, by `connectionKey`, with who listens for them. Never rejects.
   */
  of(connections: readonly Accepted[]): Promise<ReadonlyMap<string, HostConnection>> {
    if (connections.length === 0 || this.ending.signal.aborted) return Promise.resolve(new Map());
    return new Promise((resolve) => {
      const timer = this.options.clock.after(mostWaitMs, () => this.giveUp(wish));
      const wish = newWish(connections, timer, resolve);
      for (const key of [...wish.missing.keys()])
        if (this.recentlyEnded.has(key)) found(wish, key, 0);
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
    this.listeners.replace(inodes);
    for (const wish of unseen) {
      for (const key of [...wish.missing.keys()]) {
        const inode = present.get(key);
        if (inode !== undefined) found(wish, key, inode);
      }
      wish.newsUntilMs = beganMs + newsDelayMs;
      wish.isNewsOver = this.refreshNews === undefined;
    }
    this.settle();
    this.looks.spent(clock.monotonicMs() - beganMs);
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
        const { searchFor, isNews } = this.listeners.of(local, listeners);
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
    if (!this.isPrepared && this.listeners.open.size > 0) {
      this.isPrepared = true;
      for (const inode of this.listeners.open) if (inode !== 0) wanted.add(inode);
    }
    const isNothingToDo = wanted.size === 0 && !this.listeners.hasNamed;
    if (this.searching || this.ending.signal.aborted || isNothingToDo) return;
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

  private async search(wanted: ReadonlySet<number>): Promise<void> {
    this.searching = true;
    this.searches.spent(await this.listeners.search(wanted, this.ending.signal));
    this.searching = false;
    this.settle();
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
      const { pid, inodes: listening } = this.listeners.of(connection.local, listeners);
      if (pid !== undefined) known++;
      owners.set(connectionKey(connection), { pid, listening, inode });
    }
    wish.resolve(owners);
    return known;
  }
}
