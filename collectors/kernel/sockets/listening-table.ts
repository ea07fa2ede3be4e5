import { open } from 'node:fs/promises';
import { hasCode } from '../../../base/errors.js';
import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import { type ListeningSocket, parseSocketLine, type SocketProtocol } from './proc-net.js';

/** More waiting sockets than any device has; what is beyond is counted. */
const mostSockets = 10_000;
const longestLineBytes = 4096;

interface ListeningTable {
  readonly sockets: readonly ListeningSocket[];
  /** Lines that no kernel writes, and sockets beyond the bound. */
  readonly malformed: number;
}

/** `undefined` where the kernel has no such table: IPv6 is off. */
export async function readListeningTable(
  paths: Paths,
  protocol: SocketProtocol,
  byteOrder: ByteOrder,
  signal: AbortSignal,
): Promise<ListeningTable | undefined> {
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
