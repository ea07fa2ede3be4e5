import { buildMessage, netlinkHeaderBytes, parseMessages } from '../netlink.js';
import { type Endpoint, endpointOf } from './endpoint.js';

/**
 * What the kernel tells of TCP sockets that end (`net/core/sock_diag.c`, `sock_diag_broadcast_destroy`; kernel 4.3 and
 * later, with CONFIG_INET_DIAG), as a `struct inet_diag_msg` of `uapi/linux/inet_diag.h`.
 */
export interface EndedSocket {
  readonly local: Endpoint;
  readonly remote: Endpoint;
}

/** `uapi/linux/sock_diag.h`: SKNLGRP_INET_TCP_DESTROY and SKNLGRP_INET6_TCP_DESTROY, as a mask. */
export const endedTcpGroups = (1 << 0) | (1 << 2);

const byFamily = 20;
const families = { inet: 2, inet6: 10 } as const;
const transmissionControlProtocol = 6;
/** NLM_F_REQUEST and NLM_F_DUMP, `uapi/linux/netlink.h`. */
const dumpFlags = 0x301;
/** Of `struct inet_diag_msg`: both ports and both addresses. */
const at = { family: 0, localPort: 4, remotePort: 6, local: 8, remote: 24 } as const;
const endsBytes = 40;

/** The sockets of one datagram, without those that never had two ends; ends of IPv4 on IPv6 are given as IPv4. */
export function parseEndedSockets(datagram: Buffer): {
  readonly ended: readonly EndedSocket[];
  readonly malformed: number;
} {
  const ended: EndedSocket[] = [];
  let malformed = 0;
  let readBytes = 0;
  for (const { type, payload } of parseMessages(datagram)) {
    readBytes += netlinkHeaderBytes + payload.length;
    if (type !== byFamily) continue;
    const family = payload[at.family];
    const isInet = family === families.inet;
    if (payload.length < endsBytes || (!isInet && family !== families.inet6)) {
      malformed++;
      continue;
    }
    const endAt = (addressAt: number, portAt: number): Endpoint =>
      endpointOf(
        payload.toString('hex', addressAt, addressAt + (isInet ? 4 : 16)),
        payload.readUInt16BE(portAt),
      );
    const local = endAt(at.local, at.localPort);
    const remote = endAt(at.remote, at.remotePort);
    if (local.port !== 0 && remote.port !== 0) ended.push({ local, remote });
  }
  if (readBytes === 0) malformed++;
  return { ended, malformed };
}

/**
 * Asks for the TCP sockets that are in no state at all, which are none: the answer says that the kernel can tell of TCP
 * sockets, and has it load what it needs for that.
 */
export function encodeProbe(sequence: number): Buffer {
  const request = Buffer.alloc(56);
  request[0] = families.inet;
  request[1] = transmissionControlProtocol;
  return buildMessage(byFamily, dumpFlags, sequence, request);
}
