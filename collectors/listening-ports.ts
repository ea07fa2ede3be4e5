import type { Details, Payload } from '../contract/events.js';
import type { SnapshotCollector } from './interface/collector.js';
import { watchState } from './interface/watch-state.js';
import { addressText } from './kernel/address.js';
import { readExecutable } from './kernel/processes/proc.js';
import { readListeningTable } from './kernel/sockets/listening-table.js';
import { type ListeningSocket, socketProtocols } from './kernel/sockets/proc-net.js';
import {
  type OtherNamespaces,
  otherNetworkNamespaces,
} from './kernel/sockets/network-namespaces.js';
import { findSocketOwners, type SocketOwners } from './kernel/sockets/socket-owners.js';

const anyAddress = { tcp: '0.0.0.0', udp: '0.0.0.0', tcp6: '::', udp6: '::' } as const;

/** The sockets of the agent's network namespace that wait for others, with the processes that hold them. */
export const listeningPorts: SnapshotCollector<'ListeningPorts'> = {
  kind: 'snapshot',
  name: 'ListeningPorts',
  watch: watchState('ListeningPort'),
  async collect({ host, signal, lose, setSource }) {
    const sockets: ListeningSocket[] = [];
    let tables = 0;
    for (const protocol of socketProtocols) {
      const found = await readListeningTable(host.paths, protocol, host.byteOrder, signal);
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
