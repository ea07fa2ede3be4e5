import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import { connectionKey, type Endpoint, endpointKey } from './endpoint.js';
import { tcpStates } from './sock-state.js';
import { readSocketTable } from './socket-table.js';

/** One look at the TCP sockets of the agent's network namespace. */
interface ListeningSockets {
  /** The inodes by the `endpointKey` of sockets that listen: several share an end with SO_REUSEPORT. */
  readonly inodes: ReadonlyMap<string, readonly number[]>;
  /**
   * Those of the wanted connections that are there, or were in the last minute, by `connectionKey`: the inode of the
   * accepted socket, 0 when it has none, before it is accepted and after it is closed.
   */
  readonly present: ReadonlyMap<string, number>;
}

/**
 * Reads which sockets listen, and which of the wanted connections the host has. A closed connection stays for a minute as
 * TIME_WAIT at the end that closed first (RFC 9293 §3.6); within the host that may be the other end. Never throws.
 *
 * @param wanted the `connectionKey`s of accepted connections
 */
export function readListeningSockets(
  paths: Paths,
  byteOrder: ByteOrder,
  wanted: ReadonlySet<string>,
): ListeningSockets {
  const inodes = new Map<string, number[]>();
  const present = new Map<string, number>();
  for (const { state, local, remote, inode } of readSocketTable(paths, byteOrder, ['tcp', 'tcp6'])
    .sockets) {
    if (state === tcpStates.listen) {
      const key = endpointKey(local);
      const others = inodes.get(key);
      if (others === undefined) inodes.set(key, [inode]);
      else others.push(inode);
    } else if (wanted.size > 0) {
      const key = connectionKey({ local, remote });
      const otherEnd = connectionKey({ local: remote, remote: local });
      if (wanted.has(key)) present.set(key, inode);
      if (wanted.has(otherEnd) && !present.has(otherEnd)) present.set(otherEnd, 0);
    }
  }
  return { inodes, present };
}

/** Where a connection with this local end may have been listened for, by `endpointKey`: the closest first. */
export function listeningCandidates({ address, port, family }: Endpoint): readonly string[] {
  const any = family === 4 ? ['0.0.0.0', '::'] : ['::'];
  return [address, ...any].map((candidate) => `${candidate} ${port}`);
}
