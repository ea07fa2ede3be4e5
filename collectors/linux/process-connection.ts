import { closeSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import type { Paths } from './paths.js';
import { addressText, type ByteOrder } from './proc-net.js';

/** One TCP connection of a process. */
export interface ProcessConnection {
  /** IPv4-mapped IPv6 folded. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
}

/** A line of /proc/net/tcp or tcp6 with the inode of its socket; undefined for a heading and what no kernel writes. */
export function parseTcpConnection(
  line: string,
  byteOrder: ByteOrder,
): (ProcessConnection & { readonly inode: string }) | undefined {
  const fields = line.trim().split(/\s+/u);
  const [, localPort = ''] = /^[0-9A-F]{8,32}:([0-9A-F]{4})$/u.exec(fields[1] ?? '') ?? [];
  const [, words = '', remotePort = ''] =
    /^((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4})$/u.exec(fields[2] ?? '') ?? [];
  const inode = fields[9] ?? '';
  if (localPort === '' || (words.length !== 8 && words.length !== 32)) return undefined;
  if (!/^[1-9]\d{0,14}$/u.test(inode)) return undefined;
  const hex = byteOrder === 'LE' ? words.replace(/(..)(..)(..)(..)/gu, '$4$3$2$1') : words;
  return {
    remoteAddress: addressText(hex.toLowerCase()).replace(/^::ffff:(?=\d+\.)/u, ''),
    remotePort: Number.parseInt(remotePort, 16),
    localPort: Number.parseInt(localPort, 16),
    inode,
  };
}

/**
 * The connection that a process has with `remoteAddress`, in the network namespace of that process. Undefined when it
 * has none, or more than one, when it is gone, or when we may not look (CAP_SYS_PTRACE). Takes about a millisecond
 * where a hundred connections are open; both lists are bounded.
 */
export function connectionOf(
  paths: Paths,
  byteOrder: ByteOrder,
  pid: number,
  remoteAddress: string,
): ProcessConnection | undefined {
  const directory = `${paths.procRoot}/${pid}`;
  try {
    const inodes = socketInodes(`${directory}/fd`);
    if (inodes.size === 0) return undefined;
    const table = remoteAddress.includes(':') ? ['tcp6'] : ['tcp', 'tcp6'];
    const found = table
      .flatMap((name) => readLines(`${directory}/net/${name}`))
      .map((line) => parseTcpConnection(line, byteOrder))
      .filter((connection) => connection?.remoteAddress === remoteAddress)
      .filter((connection) => connection !== undefined && inodes.has(connection.inode));
    return found.length === 1 ? found[0] : undefined;
  } catch {
    // The process ended, or is none of ours: ports are a courtesy.
    return undefined;
  }
}

/** sshd has a dozen. */
const mostDescriptors = 256;
const longestTableBytes = 1024 * 1024;

function socketInodes(directory: string): ReadonlySet<string> {
  const inodes = new Set<string>();
  for (const name of readdirSync(directory).slice(0, mostDescriptors)) {
    const inode = /^socket:\[(\d{1,15})\]$/u.exec(readlinkSync(`${directory}/${name}`))?.[1];
    if (inode !== undefined) inodes.add(inode);
  }
  return inodes;
}

function readLines(path: string): readonly string[] {
  const descriptor = openSync(path, 'r');
  try {
    const bytes = Buffer.allocUnsafe(longestTableBytes);
    let length = 0;
    for (;;) {
      const read = readSync(descriptor, bytes, length, bytes.length - length, null);
      length += read;
      if (read === 0 || length === bytes.length)
        return bytes.toString('latin1', 0, length).split('\n');
    }
  } finally {
    closeSync(descriptor);
  }
}
