import type { ByteOrder } from '../byte-order.js';
import type { Paths } from '../paths.js';
import { readBounded } from '../processes/proc.js';
import { type Endpoint, endpointOf } from './endpoint.js';
import { parseSocketRow, socketProtocols, type SocketProtocol } from './proc-net.js';

/** One socket of /proc/net/{tcp,tcp6,udp,udp6}, whatever state it is in. */
export interface TableSocket {
  readonly transport: 'tcp' | 'udp';
  /** `include/net/tcp_states.h` */
  readonly state: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Bound to the any-address of IPv6: takes IPv4 too, unless the program forbade it. */
  readonly anyFamily: boolean;
  readonly uid: number;
  /** 0 for a socket that no process holds any more. */
  readonly inode: number;
}

interface SocketTable {
  /** How many of the tables there are: those of IPv6 are missing where it is off, all of them where nothing can be seen. */
  readonly tables: number;
  readonly sockets: readonly TableSocket[];
  readonly malformed: number;
}

/** 16 MiB are about 100,000 sockets. */
const longestTableBytes = 16 * 1024 * 1024;

/** The sockets of the agent's network namespace as they are now. Never throws. */
export function readSocketTable(
  paths: Paths,
  byteOrder: ByteOrder,
  protocols: readonly SocketProtocol[] = socketProtocols,
): SocketTable {
  const sockets: TableSocket[] = [];
  let malformed = 0;
  let tables = 0;
  for (const protocol of protocols) {
    const bytes = readBounded(`${paths.procRoot}/net/${protocol}`, longestTableBytes);
    if (bytes === undefined) continue;
    tables++;
    for (const line of bytes.toString('latin1').split('\n')) {
      const row = parseSocketRow(line, protocol, byteOrder);
      if (row === 'malformed') malformed++;
      if (row === undefined || row === 'malformed') continue;
      const local = endpointOf(row.addressHex, row.port);
      sockets.push({
        transport: protocol.startsWith('tcp') ? 'tcp' : 'udp',
        state: row.state,
        local,
        remote: endpointOf(row.remoteAddressHex, row.remotePort),
        anyFamily: local.address === '::',
        uid: row.uid,
        inode: row.inode,
      });
    }
  }
  return { tables, sockets, malformed };
}
