import { connectionKey, type Endpoint, endpointKey } from './endpoint.js';
import type { Paths } from './paths.js';
import type { ByteOrder } from './proc-net.js';
import { tcpStates } from './sock-state.js';
import { readSocketTable } from './socket-table.js';

/** One look at the TCP sockets of the agent's network namespace. */
export interface ListeningSockets {
  /** The inode by the `endpointKey` of a socket that listens; of several on one port (SO_REUSEPORT) the first. */
  readonly inodes: ReadonlyMap<string, number>;
  /** Those of the wanted connections that are there, or were in the last minute. */
  readonly present: ReadonlySet<string>;
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
  const inodes = new Map<string, number>();
  const present = new Set<string>();
  for (const { state, local, remote, inode } of readSocketTable(paths, byteOrder, ['tcp', 'tcp6'])
    .sockets) {
    if (state === tcpStates.listen) {
      const key = endpointKey(local);
      if (!inodes.has(key)) inodes.set(key, inode);
    } else if (wanted.size > 0) {
      for (const ends of [
        { local, remote },
        { local: remote, remote: local },
      ]) {
        const key = connectionKey(ends);
        if (wanted.has(key)) present.add(key);
      }
    }
  }
  return { inodes, present };
}

/** Where a connection with this local end may have been listened for, by `endpointKey`: the closest first. */
export function listeningCandidates({ address, port, family }: Endpoint): readonly string[] {
  const any = family === 4 ? ['0.0.0.0', '::'] : ['::'];
  return [address, ...any].map((candidate) => `${candidate} ${port}`);
}
