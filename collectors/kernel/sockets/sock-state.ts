import type { ByteOrder } from '../byte-order.js';
import type { EventFormat } from '../trace/trace-page.js';
import { type Endpoint, endpointOf } from './endpoint.js';

/** `include/net/tcp_states.h` */
export const tcpStates = {
  established: 1,
  synSent: 2,
  synReceived: 3,
  finWait1: 4,
  timeWait: 6,
  close: 7,
  closeWait: 8,
  lastAck: 9,
  listen: 10,
  newSynReceived: 12,
} as const;

/** One record of the trace event `sock/inet_sock_set_state` (`include/trace/events/sock.h`). */
export interface SocketTransition {
  /** Nanoseconds of the trace clock. */
  readonly timeNs: number;
  /** The same for all transitions of one socket while it exists. */
  readonly socket: string;
  /**
   * The thread that ran. It is the one that acted only where the transition is part of a system call: towards SYN_SENT
   * and LISTEN, and where `isClosedByThread`; the others may happen while any thread is interrupted.
   */
  readonly threadId: number;
  readonly oldState: number;
  readonly newState: number;
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

const addressFamilies = { inet: 2, inet6: 10 } as const;
const transmissionControlProtocol = 6;

/**
 * What of the kernel's events is wanted, in the language of its event filters: every way out of a handshake, because the
 * kernel gives the memory of a socket, and with it what tells sockets apart here, to another as soon as it is closed.
 */
export const transitionFilter = [
  `protocol == ${transmissionControlProtocol} && (oldstate == ${tcpStates.synSent}`,
  `newstate == ${tcpStates.synSent}`,
  `newstate == ${tcpStates.listen}`,
  `oldstate == ${tcpStates.synReceived}`,
  `(oldstate == ${tcpStates.established} && newstate == ${tcpStates.finWait1})`,
  `(oldstate == ${tcpStates.closeWait} && newstate == ${tcpStates.lastAck}))`,
].join(' || ');

/**
 * Whether the thread of the transition closed this end: the last that held the socket did, or called shutdown(2)
 * (`tcp_close_state` in `net/ipv4/tcp.c`). A connection that is reset ends without it.
 */
export function isClosedByThread({ oldState, newState }: SocketTransition): boolean {
  return (
    (oldState === tcpStates.established && newState === tcpStates.finWait1) ||
    (oldState === tcpStates.closeWait && newState === tcpStates.lastAck)
  );
}

/** Reads records of one format; undefined when the format lacks what is needed. */
export function transitionReader(
  format: EventFormat,
  byteOrder: ByteOrder,
): ((timeNs: number, record: Buffer) => SocketTransition | 'malformed' | undefined) | undefined {
  const numberAt = (name: string, sizes: readonly number[]) => {
    const field = format.fields.get(name);
    if (field === undefined || !sizes.includes(field.sizeBytes)) return undefined;
    return (record: Buffer): number =>
      byteOrder === 'LE'
        ? record.readUIntLE(field.at, field.sizeBytes)
        : record.readUIntBE(field.at, field.sizeBytes);
  };
  const hexAt = (name: string, sizes: readonly number[]) => {
    const field = format.fields.get(name);
    if (field === undefined || !sizes.includes(field.sizeBytes)) return undefined;
    return (record: Buffer): string => record.toString('hex', field.at, field.at + field.sizeBytes);
  };
  const type = numberAt('common_type', [2]);
  const thread = numberAt('common_pid', [4]);
  const socket = hexAt('skaddr', [4, 8]);
  const [oldState, newState] = [numberAt('oldstate', [4]), numberAt('newstate', [4])];
  const [localPort, remotePort] = [numberAt('sport', [2]), numberAt('dport', [2])];
  // One byte before kernel 5.6.
  const [family, protocol] = [numberAt('family', [2]), numberAt('protocol', [1, 2])];
  const [local4, remote4] = [hexAt('saddr', [4]), hexAt('daddr', [4])];
  const [local6, remote6] = [hexAt('saddr_v6', [16]), hexAt('daddr_v6', [16])];
  if (!type || !thread || !socket || !oldState || !newState || !localPort) return undefined;
  if (!remotePort || !family || !protocol || !local4 || !remote4 || !local6 || !remote6)
    return undefined;
  const ends = [...format.fields.values()].map(({ at, sizeBytes }) => at + sizeBytes);
  const recordBytes = Math.max(...ends);
  return (timeNs, record) => {
    if (record.length < 2) return 'malformed';
    if (type(record) !== format.id) return undefined;
    if (record.length < recordBytes) return 'malformed';
    if (protocol(record) !== transmissionControlProtocol) return undefined;
    const kind = family(record);
    if (kind !== addressFamilies.inet && kind !== addressFamilies.inet6) return 'malformed';
    const isInet = kind === addressFamilies.inet;
    return {
      timeNs,
      socket: socket(record),
      threadId: thread(record),
      oldState: oldState(record),
      newState: newState(record),
      local: endpointOf(isInet ? local4(record) : local6(record), localPort(record)),
      remote: endpointOf(isInet ? remote4(record) : remote6(record), remotePort(record)),
    };
  };
}
