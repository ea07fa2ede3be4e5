import { existsSync } from 'node:fs';
import type { Clock } from '../clock.js';
import { type Endpoint, endpointKey, isAnyAddress } from './endpoint.js';
import type { Paths } from './paths.js';
import type { ByteOrder } from './proc-net.js';
import { tcpStates } from './sock-state.js';
import { findSocketOwners } from './socket-owners.js';
import { readSocketTable, type TableSocket } from './socket-table.js';

interface ListeningOwnersOptions {
  readonly paths: Paths;
  readonly clock: Clock;
  readonly byteOrder: ByteOrder;
}

const freshMs = 1000;
const mostOpeners = 1024;

/**
 * Finds the processes that listen, for connections that the kernel accepts while any process is interrupted.
 *
 * 1. The sockets are looked at again when a listener is unknown, and otherwise at most once a second.
 * 2. A process is looked for once for each socket, and again when it has ended.
 * 3. One search runs at a time.
 */
export class ListeningOwners {
  private listening: readonly TableSocket[] = [];
  private readMs = -Infinity;
  private readonly pidByInode = new Map<number, number>();
  /** Who called listen(2), for sockets that were closed before they could be looked at. */
  private readonly openers = new Map<string, number>();
  private readonly ending = new AbortController();
  private searches: Promise<unknown> = Promise.resolve();

  constructor(private readonly options: ListeningOwnersOptions) {}

  /** A process began to listen: notes it, and looks at once who holds the socket. */
  opened(local: Endpoint, pid: number | undefined): void {
    this.readMs = -Infinity;
    if (pid === undefined) return;
    const key = endpointKey(local);
    this.openers.delete(key);
    this.openers.set(key, pid);
    for (const oldest of this.openers.keys()) {
      if (this.openers.size <= mostOpeners) break;
      this.openers.delete(oldest);
    }
  }

  /** The pids that listen on the given local ends, by `endpointKey`; the unknown ones are missing. Never rejects. */
  of(locals: readonly Endpoint[]): Promise<ReadonlyMap<string, number>> {
    const found = this.searches.then(() => this.search(locals));
    this.searches = found;
    return found;
  }

  /** Ends a search that runs, with what it found. */
  stop(): void {
    this.ending.abort();
  }

  private async search(locals: readonly Endpoint[]): Promise<ReadonlyMap<string, number>> {
    const wanted = new Map(locals.map((local) => [endpointKey(local), local]));
    this.look([...wanted.values()]);
    const sockets = new Map<string, TableSocket>();
    for (const [key, local] of wanted) {
      const socket = listenerFor(local, this.listening);
      if (socket !== undefined) sockets.set(key, socket);
    }
    const unknown = new Set(
      [...sockets.values()].map(({ inode }) => inode).filter((inode) => !this.isKnown(inode)),
    );
    unknown.delete(0);
    if (unknown.size > 0) await this.findOwners(unknown);
    const owners = new Map<string, number>();
    for (const [key, local] of wanted) {
      const socket = sockets.get(key);
      const pid = (socket && this.pidByInode.get(socket.inode)) ?? this.openerOf(local);
      if (pid !== undefined) owners.set(key, pid);
    }
    return owners;
  }

  private look(locals: readonly Endpoint[]): void {
    const { paths, clock, byteOrder } = this.options;
    const nowMs = clock.monotonicMs();
    const complete = locals.every((local) => listenerFor(local, this.listening) !== undefined);
    if (complete && nowMs - this.readMs < freshMs) return;
    const { sockets } = readSocketTable(paths, byteOrder, ['tcp', 'tcp6']);
    this.listening = sockets.filter(({ state }) => state === tcpStates.listen);
    this.readMs = nowMs;
    const present = new Set(this.listening.map(({ inode }) => inode));
    for (const inode of this.pidByInode.keys()) {
      if (!present.has(inode)) this.pidByInode.delete(inode);
    }
  }

  private isKnown(inode: number): boolean {
    const pid = this.pidByInode.get(inode);
    if (pid === undefined) return false;
    if (existsSync(`${this.options.paths.procRoot}/${pid}`)) return true;
    this.pidByInode.delete(inode);
    return false;
  }

  private async findOwners(inodes: ReadonlySet<number>): Promise<void> {
    const { paths, clock } = this.options;
    try {
      const { pidByInode } = await findSocketOwners(paths, clock, inodes, this.ending.signal);
      for (const [inode, pid] of pidByInode) this.pidByInode.set(inode, pid);
    } catch {
      // /proc cannot be listed: the owners stay unknown, and the payloads say so.
    }
  }

  private openerOf(local: Endpoint): number | undefined {
    return candidatesFor(local)
      .map((key) => this.openers.get(key))
      .find((pid) => pid !== undefined);
  }
}

/** The socket bound to just this address, or else one bound to any. */
function listenerFor(local: Endpoint, listening: readonly TableSocket[]): TableSocket | undefined {
  const onPort = listening.filter((socket) => socket.local.port === local.port);
  return (
    onPort.find((socket) => socket.local.address === local.address) ??
    onPort.find((socket) => isAnyAddress(socket.local) && socket.local.family === local.family) ??
    onPort.find((socket) => socket.local.address === '::')
  );
}

function candidatesFor({ address, port }: Endpoint): string[] {
  return [address, '0.0.0.0', '::'].map((candidate) => `${candidate} ${port}`);
}
