import { open } from 'node:fs/promises';
import { hasCode } from '../base/errors.js';
import type { Details, Payload } from '../contract/events.js';
import type { SnapshotCollector } from './interface/collector.js';
import { addressText } from './kernel/address.js';
import type { ByteOrder } from './kernel/byte-order.js';
import type { Paths } from './kernel/paths.js';
import { readExecutable } from './kernel/processes/proc.js';
import {
  type ListeningSocket,
  parseSocketLine,
  type SocketProtocol,
  socketProtocols,
} from './kernel/sockets/proc-net.js';
import {
  type OtherNamespaces,
  otherNetworkNamespaces,
} from './kernel/sockets/network-namespaces.js';
import { findSocketOwners, type SocketOwners } from './kernel/sockets/socket-owners.js';

/** More waiting sockets than any device has; what is beyond is counted. */
const mostSockets = 10_000;
const longestLineBytes = 4096;
const anyAddress = { tcp: '0.0.0.0', udp: '0.0.0.0', tcp6: '::', udp6: '::' } as const;

/** The sockets of the agent's network namespace that wait for others, with the processes that hold them. */
export const listeningPorts: SnapshotCollector<'ListeningPorts'> = {
  kind: 'snapshot',
  name: 'ListeningPorts',
  async collect({ host, signal, lose, setSource }) {
    const sockets: ListeningSocket[] = [];
    let tables = 0;
    for (const protocol of socketProtocols) {
      const found = await readTable(host.paths, protocol, host.byteOrder, signal);
      if (found === undefined) continue;
      tables++;
      if (found.malformed > 0) lose('unparsed', found.malformed);
      sockets.push(...found.sockets);
    }
    if (tables === 0) return { unavailable: `${host.paths.procRoot}/net has no socket tables.` };
    const wanted = new Set(sockets.map((socket) => socket.inode).filter((inode) => inode !== 0));
    const owners = await findSocketOwners(host.paths, host.clock, wanted, signal);
    const others = await otherNetworkNamespaces(host.paths, host.clock, signal);
    signal.throwIfAborted();
    const limitations = [ownersLimitation(owners, wanted.size), namespacesLimitation(others)];
    const limitation = limitations.filter(Boolean).join(' ');
    setSource({ source: 'proc-net', ...(limitation !== '' && { limitation }) });
    return toPayloads(sockets, owners.pidByInode, (pid) => readExecutable(host.paths, pid));
  },
};

function ownersLimitation(owners: SocketOwners, wanted: number): string | undefined {
  if (owners.pidByInode.size >= wanted) return undefined;
  if (owners.cut) return 'The host has more open files than are followed to the owners of sockets.';
  if (owners.forbiddenProcesses === 0) return undefined;
  return 'Owners of some sockets are unknown: the kernel does not show their open files; CAP_SYS_PTRACE allows it, unless a security module forbids it.';
}

function namespacesLimitation(others: OtherNamespaces | undefined): string | undefined {
  if (others === undefined || others.count + others.forbiddenProcesses === 0) return undefined;
  const { count, forbiddenProcesses } = others;
  const notListed = 'such as those of containers, are not listed';
  if (count === 0)
    return `Sockets of other network namespaces, ${notListed}; whether there are any is unknown: the kernel does not show those of ${forbiddenProcesses} processes without CAP_SYS_PTRACE.`;
  const atLeast = forbiddenProcesses === 0 ? '' : 'at least ';
  return `Sockets of ${atLeast}${count} other network ${count === 1 ? 'namespace' : 'namespaces'}, ${notListed}.`;
}

/**
 * One payload for each address, port, user and program, ordered by these: several sockets of one program on one port
 * (SO_REUSEPORT) are one, under the lowest pid; two programs on one port are two.
 */
export function toPayloads(
  sockets: readonly ListeningSocket[],
  pidByInode: ReadonlyMap<number, number>,
  executableOf: (pid: number) => string | undefined,
): Payload<'ListeningPorts'>[] {
  const executables = new Map<number, string | undefined>();
  const folded = new Map<string, ListeningSocket & { pid?: number; executable?: string }>();
  for (const socket of sockets) {
    const pid = pidByInode.get(socket.inode);
    if (pid !== undefined && !executables.has(pid)) executables.set(pid, executableOf(pid));
    const executable = pid === undefined ? undefined : executables.get(pid);
    const order = socketProtocols.indexOf(socket.protocol);
    const port = String(socket.port).padStart(5, '0');
    const key = [order, socket.addressHex, port, socket.uid, executable ?? ''].join(' ');
    const present = folded.get(key);
    if (present !== undefined && (present.pid ?? Infinity) <= (pid ?? Infinity)) continue;
    folded.set(key, {
      ...socket,
      ...(pid !== undefined && { pid }),
      ...(executable !== undefined && { executable }),
    });
  }
  return [...folded]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { protocol, addressHex, port, uid, pid, executable }]) => ({
      Protocol: protocol,
      LocalAddress: addressText(addressHex),
      LocalPort: String(port),
      RemoteAddress: anyAddress[protocol],
      RemotePort: '*',
      ExtraDetails: {
        ...(pid !== undefined && { Pid: String(pid) }),
        ...(executable !== undefined && { Executable: executable }),
        UserId: String(uid),
      } satisfies Details<'ListeningPorts'>,
    }));
}

interface Table {
  readonly sockets: readonly ListeningSocket[];
  /** Lines that no kernel writes, and sockets beyond the bound. */
  readonly malformed: number;
}

/** `undefined` where the kernel has no such table: IPv6 is off. */
async function readTable(
  paths: Paths,
  protocol: SocketProtocol,
  byteOrder: ByteOrder,
  signal: AbortSignal,
): Promise<Table | undefined> {
  const sockets: ListeningSocket[] = [];
  let malformed = 0;
  const take = (line: string): void => {
    const socket = parseSocketLine(line, protocol, byteOrder);
    if (socket === undefined) return;
    if (socket === 'malformed' || sockets.length >= mostSockets) malformed++;
    else sockets.push(socket);
  };
  const file = await openUnlessAbsent(`${paths.procRoot}/net/${protocol}`);
  if (file === undefined) return undefined;
  try {
    let rest = '';
    const buffer = Buffer.allocUnsafe(64 * 1024);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
      if (bytesRead === 0) break;
      const lines = (rest + buffer.toString('latin1', 0, bytesRead)).split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLineBytes);
      lines.forEach(take);
    }
    take(rest);
  } finally {
    await file.close();
  }
  return { sockets, malformed };
}

async function openUnlessAbsent(path: string) {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}
