import { readdirSync } from 'node:fs';
import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import { readBounded, readSocketInode } from '../processes/proc.js';
import { type Endpoint, endpointOf } from './endpoint.js';
import { parseSocketRow } from './proc-net.js';
import { tcpStates } from './sock-state.js';

/** One TCP connection of a process. */
export interface ProcessConnection {
  readonly remote: Endpoint;
  readonly local: Endpoint;
}

/**
 * The connection that a process has with `remoteAddress`, in the network namespace of that process. Undefined when it
 * has none, or more than one, when it is gone, or when we may not look (CAP_SYS_PTRACE). Takes about a millisecond
 * where a hundred connections are open; all lists are bounded.
 */
export function connectionOf(
  paths: Paths,
  byteOrder: ByteOrder,
  pid: number,
  remoteAddress: string,
): ProcessConnection | undefined {
  const found = socketsOf(paths, byteOrder, pid).filter(
    ({ remote }) => remote.address === remoteAddress,
  );
  return found.length === 1 ? found[0] : undefined;
}

/** The TCP ports that a process listens on. */
export function listeningPortsOf(
  paths: Paths,
  byteOrder: ByteOrder,
  pid: number,
): ReadonlySet<number> {
  const sockets = socketsOf(paths, byteOrder, pid);
  const listening = sockets.filter(({ state }) => state === tcpStates.listen);
  return new Set(listening.map(({ local }) => local.port));
}

function socketsOf(
  paths: Paths,
  byteOrder: ByteOrder,
  pid: number,
): readonly (ProcessConnection & { readonly state: number })[] {
  const directory = `${paths.procRoot}/${pid}`;
  try {
    const inodes = socketInodes(paths, pid);
    if (inodes.size === 0) return [];
    return (['tcp', 'tcp6'] as const).flatMap((protocol) => {
      const table = readBounded(`${directory}/net/${protocol}`, longestTableBytes);
      const rows = (table?.toString('latin1').split('\n') ?? []).map((line) =>
        parseSocketRow(line, protocol, byteOrder),
      );
      return rows.flatMap((row) => {
        if (row === undefined || row === 'malformed' || !inodes.has(row.inode)) return [];
        const remote = endpointOf(row.remoteAddressHex, row.remotePort);
        return [{ remote, local: endpointOf(row.addressHex, row.port), state: row.state }];
      });
    });
  } catch {
    // The process ended, or is none of ours: ports are a courtesy.
    return [];
  }
}

/** sshd has a dozen. */
const mostDescriptors = 256;
const longestTableBytes = 1024 * 1024;

function socketInodes(paths: Paths, pid: number): ReadonlySet<number> {
  const names = readdirSync(`${paths.procRoot}/${pid}/fd`).slice(0, mostDescriptors);
  return new Set(names.flatMap((name) => readSocketInode(paths, pid, name) ?? []));
}
