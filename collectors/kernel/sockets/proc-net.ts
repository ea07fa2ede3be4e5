/**
 * /proc/net/{tcp,tcp6,udp,udp6} (proc(5), net/ipv4/tcp_ipv4.c, net/ipv6/tcp_ipv6.c). Addresses are printed as 32-bit
 * words in the byte order of the host, so the four bytes of each word stand backwards on a little-endian one.
 */

import type { ByteOrder } from '../byte-order.js';

export type SocketProtocol = 'tcp' | 'tcp6' | 'udp' | 'udp6';
export const socketProtocols = ['tcp', 'tcp6', 'udp', 'udp6'] as const;

export interface ListeningSocket {
  readonly protocol: SocketProtocol;
  /** The 4 or 16 bytes in network order, as lower-case hex: sorts as the addresses do. */
  readonly addressHex: string;
  readonly port: number;
  readonly uid: number;
  /** Of the socket, as in the link `socket:[inode]` of its owner; 0 for one without an owner. */
  readonly inode: number;
}

/** include/net/tcp_states.h: TCP_LISTEN; TCP_CLOSE is what an unconnected UDP socket is in. */
const waitingState = { tcp: 10, tcp6: 10, udp: 7, udp6: 7 } as const;

/** Any socket of a table. */
interface SocketRow extends ListeningSocket {
  /** include/net/tcp_states.h, for UDP as well. */
  readonly state: number;
  /** As `addressHex`. */
  readonly remoteAddressHex: string;
  readonly remotePort: number;
}

/**
 * One line of a table: the socket if it waits for others, `undefined` if it does not (established, and so on, or the
 * heading), `malformed` if the line is none that a kernel writes.
 */
export function parseSocketLine(
  line: string,
  protocol: SocketProtocol,
  byteOrder: ByteOrder,
): ListeningSocket | 'malformed' | undefined {
  const row = parseSocketRow(line, protocol, byteOrder);
  if (row === undefined || row === 'malformed') return row;
  if (row.state !== waitingState[protocol]) return undefined;
  const { addressHex, port, uid, inode } = row;
  return { protocol, addressHex, port, uid, inode };
}

/** One line of a table whatever its state; `undefined` for the heading. */
export function parseSocketRow(
  line: string,
  protocol: SocketProtocol,
  byteOrder: ByteOrder,
): SocketRow | 'malformed' | undefined {
  const fields = line.trim().split(/\s+/u);
  if (fields[0] === 'sl' || fields[0] === '') return undefined;
  const digits = protocol.endsWith('6') ? 32 : 8;
  const local = endOf(fields[1], digits, byteOrder);
  const remote = endOf(fields[2], digits, byteOrder);
  const state = fields[3] ?? '';
  const uid = decimal(fields[7]);
  const inode = decimal(fields[9]);
  if (local === undefined || remote === undefined || !/^[0-9A-F]{2}$/u.test(state))
    return 'malformed';
  if (uid === undefined || inode === undefined) return 'malformed';
  return {
    protocol,
    state: Number.parseInt(state, 16),
    addressHex: local.hex,
    port: local.port,
    remoteAddressHex: remote.hex,
    remotePort: remote.port,
    uid,
    inode,
  };
}

function endOf(
  field: string | undefined,
  digits: number,
  byteOrder: ByteOrder,
): { hex: string; port: number } | undefined {
  const [, words = '', port = ''] = /^([0-9A-F]+):([0-9A-F]{4})$/u.exec(field ?? '') ?? [];
  if (words.length !== digits) return undefined;
  return { hex: inNetworkOrder(words, byteOrder).toLowerCase(), port: Number.parseInt(port, 16) };
}

function inNetworkOrder(words: string, byteOrder: ByteOrder): string {
  if (byteOrder === 'BE') return words;
  return words.replace(/(..)(..)(..)(..)/gu, '$4$3$2$1');
}

function decimal(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/u.test(text) ? Number(text) : undefined;
}
