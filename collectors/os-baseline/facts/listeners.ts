import { plainReason } from '../../../base/errors.js';
import { addressText } from '../../kernel/address.js';
import { readExecutable } from '../../kernel/processes/proc.js';
import { readListeningTable } from '../../kernel/sockets/listening-table.js';
import { type ListeningSocket, socketProtocols } from '../../kernel/sockets/proc-net.js';
import { findSocketOwners } from '../../kernel/sockets/socket-owners.js';
import type { FactContext, SubjectReader } from './fact-reader.js';
import { absent, found, unreadable } from './reading.js';

/** A socket of the device's network namespace that waits for others. */
export interface Listener {
  readonly transport: 'tcp' | 'udp';
  /** IPv4 or IPv6 text. */
  readonly address: string;
  readonly port: number;
  /** Whether only the device itself can reach it. */
  readonly loopback: boolean;
  /** Full path of the program that holds it, where that can be seen. */
  readonly executable?: string;
}

const isLoopback = (address: string): boolean => /^(127\.|::1$|::ffff:127\.)/.test(address);

export const readListeners: SubjectReader<readonly Listener[]> = async (context) => {
  const { host, signal } = context;
  const sockets: ListeningSocket[] = [];
  let tables = 0;
  try {
    for (const protocol of socketProtocols) {
      const table = await readListeningTable(host.paths, protocol, host.byteOrder, signal);
      if (table === undefined) continue;
      tables++;
      sockets.push(...table.sockets);
    }
  } catch (error) {
    signal.throwIfAborted();
    return unreadable(`the sockets of /proc/net cannot be read: ${plainReason(error)}`);
  }
  if (tables === 0) return absent('/proc/net has no socket tables');
  const executables = await executablesOf(sockets, context);
  return found(
    sockets.map(({ protocol, addressHex, port, inode }) => {
      const address = addressText(addressHex);
      const executable = executables.get(inode);
      return {
        transport: protocol.startsWith('tcp') ? 'tcp' : 'udp',
        address,
        port,
        loopback: isLoopback(address),
        ...(executable !== undefined && { executable }),
      };
    }),
  );
};

async function executablesOf(
  sockets: readonly ListeningSocket[],
  { host, signal }: FactContext,
): Promise<ReadonlyMap<number, string>> {
  const wanted = new Set(sockets.map(({ inode }) => inode).filter((inode) => inode !== 0));
  const { pidByInode } = await findSocketOwners(host.paths, host.clock, wanted, signal);
  return new Map(
    [...pidByInode].flatMap(([inode, pid]) => {
      const executable = readExecutable(host.paths, pid);
      return executable === undefined ? [] : [[inode, executable] as const];
    }),
  );
}
