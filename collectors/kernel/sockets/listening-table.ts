import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { hasCode } from '../../../base/errors.js';
import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import { type ListeningSocket, parseSocketLine, type SocketProtocol } from './proc-net.js';

/** More waiting sockets than any device has; what is beyond is counted. */
const mostSockets = 10_000;
const longestLineBytes = 4096;
/** The kernel hands over no more at once than a page. */
const chunkBytes = 8 * 1024;

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
  const file = await open(`${paths.procRoot}/net/${protocol}`, 'r').catch(unlessAbsent);
  if (file === undefined) return undefined;
  const rows = new Rows(protocol, byteOrder);
  try {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
      if (bytesRead === 0) return rows.end();
      rows.take(chunk.toString('latin1', 0, bytesRead));
    }
  } finally {
    await file.close();
  }
}

/** Of UDP sockets; a table of them is short, and has no connections in it. */
const mostNowBytes = 256 * 1024;
let chunkOfNow: Buffer | undefined;

/**
 * The same at once, without waking a thread of the pool for each part of it; `longer` when it has more than 256 KB (some
 * 2,000 sockets), which shall not keep anything waiting.
 */
export function readListeningTableNow(
  paths: Paths,
  protocol: 'udp' | 'udp6',
  byteOrder: ByteOrder,
): ListeningTable | 'longer' | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(`${paths.procRoot}/net/${protocol}`, 'r');
  } catch (error) {
    unlessAbsent(error);
    return undefined;
  }
  const rows = new Rows(protocol, byteOrder);
  try {
    chunkOfNow ??= Buffer.allocUnsafeSlow(chunkBytes);
    for (let left = mostNowBytes; left > 0;) {
      const bytesRead = readSync(descriptor, chunkOfNow, 0, chunkBytes, null);
      if (bytesRead === 0) return rows.end();
      rows.take(chunkOfNow.toString('latin1', 0, bytesRead));
      left -= bytesRead;
    }
    return 'longer';
  } finally {
    closeSync(descriptor);
  }
}

function unlessAbsent(error: unknown): undefined {
  if (hasCode(error, 'ENOENT')) return undefined;
  throw error;
}

/** The rows of one table, as it is read part by part. */
class Rows {
  private readonly sockets: ListeningSocket[] = [];
  private malformed = 0;
  private rest = '';

  constructor(
    private readonly protocol: SocketProtocol,
    private readonly byteOrder: ByteOrder,
  ) {}

  take(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = (lines.pop() ?? '').slice(0, longestLineBytes);
    for (const line of lines) this.takeLine(line);
  }

  end(): ListeningTable {
    this.takeLine(this.rest);
    return { sockets: this.sockets, malformed: this.malformed };
  }

  private takeLine(line: string): void {
    const socket = parseSocketLine(line, this.protocol, this.byteOrder);
    if (socket === undefined) return;
    if (socket === 'malformed' || this.sockets.length >= mostSockets) this.malformed++;
    else this.sockets.push(socket);
  }
}
