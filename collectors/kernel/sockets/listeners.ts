import type { Clock } from '../../../base/clock.js';
import type { Paths } from '../paths.js';
import { readSocketInode } from '../processes/proc.js';
import { ClosedListeners } from './closed-listeners.js';
import { type Endpoint, endpointKey } from './endpoint.js';
import { ListenCalls } from './listen-calls.js';
import { listeningCandidates } from './listening-sockets.js';
import { findSocketOwners, type SearchBounds } from './socket-owners.js';

interface Holder {
  readonly pid: number;
  readonly descriptor: string;
}

/** What is known of who listens on a local end: a pid, the inodes of sockets to search the holders of, or nothing. */
export interface Listener {
  readonly pid?: number;
  readonly inodes: readonly number[];
  readonly searchFor?: readonly number[];
  /** Nothing is known of such a socket, or no longer: the tables may know more. */
  readonly isNews?: boolean;
}

/** How long a socket without a holder is not searched for again. */
const missingMs = 10_000;

/**
 * The sockets that listen in the agent's network namespace, and the processes that hold them.
 *
 * 1. A holder is believed as long as its descriptor still is that socket, and searched for again otherwise. Where sockets
 *    of several processes listen on one end (SO_REUSEPORT), nobody is said to.
 * 2. What is remembered of a socket goes when the tables do not show it any more; who held it is known for a while.
 */
export class Listeners {
  /** The inodes by the `endpointKey` of sockets that listen. */
  private listening: ReadonlyMap<string, readonly number[]> = new Map();
  /** The inodes of all of them. */
  open: ReadonlySet<number> = new Set();
  private readonly holders = new Map<number, Holder>();
  /** Who let go of a socket, by the inode: it was his until then, if nobody else has it. */
  private readonly formerPids = new Map<number, number>();
  private readonly closed: ClosedListeners;
  private readonly missingUntilMs = new Map<number, number>();
  private readonly listenCalls: ListenCalls;
  /** Sockets to search among the descriptors of one process: the one that called listen(2), by the inode. */
  private readonly asked = new Map<number, number>();

  constructor(
    private readonly paths: Paths,
    private readonly clock: Clock,
  ) {
    this.listenCalls = new ListenCalls(paths, clock);
    this.closed = new ClosedListeners(clock);
  }

  /** A process began to listen. @returns whether the tables are to be looked at for it */
  opened(local: Endpoint, pid: number): boolean {
    return this.listenCalls.add(local, pid);
  }

  /** Whether a socket with this inode was seen to listen, and is not known to be closed. */
  isListening(inode: number): boolean {
    return this.open.has(inode);
  }

  /** Of some sockets it is known which process to look at. */
  get hasNamed(): boolean {
    return this.asked.size > 0;
  }

  /** What the tables show now. @param inodes by the `endpointKey` of sockets that listen */
  replace(inodes: ReadonlyMap<string, readonly number[]>): void {
    this.rememberClosed(inodes);
    this.listening = inodes;
    this.open = new Set([...inodes.values()].flat());
    this.forgetClosed();
    for (const [inode, pid] of this.listenCalls.take(inodes)) this.asked.set(inode, pid);
  }

  /** Who listens on a local end. @param known what this moment's look at the descriptors gave, by `endpointKey` */
  of(local: Endpoint, known: Map<string, Listener>): Listener {
    const key = endpointKey(local);
    const listener = known.get(key) ?? this.findListener(local);
    known.set(key, listener);
    return listener;
  }

  private findListener(local: Endpoint): Listener {
    const nowMs = this.clock.monotonicMs();
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
    return readSocketInode(this.paths, pid, descriptor) === inode;
  }

  /**
   * Searches the holders of sockets: of those whose process is named in that one, of the others in all.
   * @returns how long the event loop was held, in milliseconds
   */
  async search(wanted: ReadonlySet<number>, signal: AbortSignal): Promise<number> {
    let heldMs = 0;
    const asked = new Map(this.asked);
    this.asked.clear();
    if (asked.size > 0) {
      const pids = [...new Set(asked.values())];
      heldMs += await this.findHolders(new Set(asked.keys()), signal, { pids });
    }
    const rest = new Set([...wanted].filter((inode) => !this.holders.has(inode)));
    if (rest.size > 0) {
      heldMs += await this.findHolders(rest, signal, {});
      const untilMs = this.clock.monotonicMs() + missingMs;
      for (const inode of rest)
        if (!this.holders.has(inode)) this.missingUntilMs.set(inode, untilMs);
    }
    return heldMs;
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

  /** @returns how long the event loop was held, in milliseconds */
  private async findHolders(
    inodes: ReadonlySet<number>,
    signal: AbortSignal,
    bounds: SearchBounds,
  ): Promise<number> {
    const { paths, clock } = this;
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
}
