import { constants } from 'node:os';
import type { Unavailable } from '../../../base/unavailable.js';
import { errnoText, type Libc } from '../libc.js';
import {
  buildMessage,
  netlinkProtocols,
  netlinkTypes,
  openNetlink,
  parseMessages,
} from '../netlink.js';
import type { KernelReader } from '../reader.js';
import type { ListeningSocket } from './proc-net.js';
import { tcpStates } from './sock-state.js';

/** The TCP sockets of the agent's network namespace that listen. */
export interface TcpListeners {
  /** Those of this moment; takes some ten microseconds, however many connections the device has. */
  look(): FoundListeners | Unavailable;
}

export interface FoundListeners {
  readonly sockets: readonly ListeningSocket[];
  /** Answers that no kernel gives, and sockets beyond the bound. */
  readonly malformed: number;
}

/** SOCK_DIAG_BY_FAMILY of `uapi/linux/sock_diag.h`. */
const byFamily = 20;
/** NLM_F_REQUEST and NLM_F_DUMP, `uapi/linux/netlink.h`. */
const dumpFlags = 0x301;
const transmissionControlProtocol = 6;
const families = [
  { number: 2, protocol: 'tcp', addressBytes: 4 },
  { number: 10, protocol: 'tcp6', addressBytes: 16 },
] as const;
type Family = (typeof families)[number];
/** `struct inet_diag_req_v2` and `struct inet_diag_msg` of `uapi/linux/inet_diag.h`. */
const requestBytes = 56;
const at = { family: 0, state: 1, localPort: 4, local: 8, uid: 64, inode: 68 } as const;
const answerBytes = 72;
/** More waiting sockets than any device has. */
const mostSockets = 10_000;
const mostTurns = 64;

/** Asks for the sockets of one family that listen, and for no others: the kernel does not walk through connections. */
export function encodeListenerRequest(family: Family, sequence: number): Buffer {
  const request = Buffer.alloc(requestBytes);
  request[0] = family.number;
  request[1] = transmissionControlProtocol;
  request.writeUInt32LE(1 << tcpStates.listen, 4);
  return buildMessage(byFamily, dumpFlags, sequence, request);
}

/** What one datagram of an answer holds. */
interface AnswerPart extends FoundListeners {
  /** 0 at the end of the answer, an errno where it was refused; undefined when more comes. */
  readonly end: number | undefined;
}

export function parseListeners(datagram: Buffer, family: Family): AnswerPart {
  const sockets: ListeningSocket[] = [];
  let malformed = 0;
  let end: number | undefined;
  for (const { type, payload } of parseMessages(datagram)) {
    if (type === netlinkTypes.done) end = 0;
    else if (type === netlinkTypes.error)
      end = payload.length < 4 ? constants.errno.EIO : Math.abs(payload.readInt32LE(0));
    else if (
      type !== byFamily ||
      payload.length < answerBytes ||
      payload[at.family] !== family.number ||
      payload[at.state] !== tcpStates.listen
    )
      malformed++;
    else
      sockets.push({
        protocol: family.protocol,
        addressHex: payload.toString('hex', at.local, at.local + family.addressBytes),
        port: payload.readUInt16BE(at.localPort),
        uid: payload.readUInt32LE(at.uid),
        inode: payload.readUInt32LE(at.inode),
      });
  }
  return { sockets, malformed, end };
}

interface SocketDiagnosisOptions {
  readonly libc: Libc;
  readonly reader: Pick<KernelReader, 'drain'>;
}

/**
 * Asks the kernel's socket diagnosis (sock_diag(7)). The kernel answers while it is asked, so that nothing is waited for
 * and nothing wakes up later.
 */
export class SocketDiagnosis implements TcpListeners {
  private sequence = 0;

  constructor(private readonly options: SocketDiagnosisOptions) {}

  look(): FoundListeners | Unavailable {
    const { libc } = this.options;
    const opened = openNetlink(libc, netlinkProtocols.socketDiagnosis, 0);
    if ('errno' in opened) return { unavailable: refusal(opened.errno) };
    try {
      const sockets: ListeningSocket[] = [];
      let malformed = 0;
      for (const family of families) {
        const found = this.ask(opened.fd, family, sockets);
        if ('errno' in found) {
          // A kernel without IPv6 knows no such sockets.
          if (family.protocol === 'tcp6' && found.errno === constants.errno.ENOENT) continue;
          return { unavailable: refusal(found.errno) };
        }
        malformed += found.malformed;
      }
      const beyond = Math.max(0, sockets.length - mostSockets);
      return { sockets: sockets.slice(0, mostSockets), malformed: malformed + beyond };
    } finally {
      libc.close(opened.fd);
    }
  }

  private ask(
    fd: number,
    family: Family,
    sockets: ListeningSocket[],
  ): { readonly malformed: number } | { readonly errno: number } {
    const { libc, reader } = this.options;
    this.sequence = (this.sequence % 0x7fff_ffff) + 1;
    const sent = libc.send(fd, encodeListenerRequest(family, this.sequence));
    if (sent < 0) return { errno: -sent };
    let malformed = 0;
    let end: number | undefined;
    for (let turn = 0; turn < mostTurns && end === undefined; turn++) {
      const drained = reader.drain(fd, ({ bytes, senderPortId, truncated }) => {
        if (senderPortId !== 0 || truncated) {
          malformed++;
          return;
        }
        const part = parseListeners(bytes, family);
        malformed += part.malformed;
        end ??= part.end;
        if (sockets.length <= mostSockets) sockets.push(...part.sockets);
      });
      if (drained.datagrams === 0) break;
    }
    if (end === undefined) return { errno: constants.errno.ETIMEDOUT };
    return end === 0 ? { malformed } : { errno: end };
  }
}

function refusal(errno: number): string {
  return `The kernel cannot tell which sockets listen (CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG): ${errnoText(errno)}.`;
}
