import type { Timer } from '../../../base/clock.js';
import { connectionKey, type Endpoint } from './endpoint.js';

/** Both ends of an accepted connection. */
export interface Accepted {
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

/** Connections whose owners somebody waits for. */
export interface Wish {
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

export function newWish(
  connections: readonly Accepted[],
  timer: Timer,
  resolve: Wish['resolve'],
): Wish {
  return {
    missing: new Map(connections.map((each) => [connectionKey(each), each])),
    present: new Map(),
    newsUntilMs: undefined,
    isNewsOver: false,
    timer,
    resolve,
  };
}

/** The host has this connection; false when the wish has no such one, or found it already. */
export function found(wish: Wish, key: string, inode: number): boolean {
  const connection = wish.missing.get(key);
  if (connection === undefined) return false;
  wish.missing.delete(key);
  wish.present.set(connection, inode);
  return true;
}

export function sizeOf({ missing, present }: Wish): number {
  return missing.size + present.size;
}
