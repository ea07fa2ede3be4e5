import { constants } from 'node:os';
import type { Clock, Timer } from '../../base/clock.js';
import { Turns } from '../../base/turns.js';
import type { Unavailable } from '../../base/unavailable.js';
import type { Libc } from './libc.js';
import { addressFamilies, errnoText, socketOptions, socketTypes } from './libc.js';
import type { DescriptorOwner, KernelReader } from './reader.js';

/** Netlink of `uapi/linux/netlink.h`, in the byte order of the machine, which is little endian on every one we ship for. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

export const netlinkProtocols = {
  socketDiagnosis: 4,
  audit: 9,
  connector: 11,
  netfilter: 12,
  kobjectUevent: 15,
} as const;
export const netlinkHeaderBytes = 16;
export const netlinkTypes = { noop: 1, error: 2, done: 3 } as const;
const requestFlag = 0x1;
const acknowledgeFlag = 0x4;

export function buildMessage(
  type: number,
  flags: number,
  sequence: number,
  payload: Buffer,
): Buffer {
  const message = Buffer.alloc(netlinkHeaderBytes + payload.length);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(type, 4);
  message.writeUInt16LE(flags, 6);
  message.writeUInt32LE(sequence, 8);
  payload.copy(message, netlinkHeaderBytes);
  return message;
}

/** The messages of one datagram; ends at the first header whose length does not fit. Payloads are views. */
export function* parseMessages(datagram: Buffer): Generator<NetlinkMessage> {
  let offset = 0;
  while (offset + netlinkHeaderBytes <= datagram.length) {
    const length = datagram.readUInt32LE(offset);
    if (length < netlinkHeaderBytes || offset + length > datagram.length) return;
    yield {
      type: datagram.readUInt16LE(offset + 4),
      flags: datagram.readUInt16LE(offset + 6),
      sequence: datagram.readUInt32LE(offset + 8),
      payload: datagram.subarray(offset + netlinkHeaderBytes, offset + length),
    };
    offset += (length + 3) & ~3;
  }
}

/** Opens a non-blocking netlink socket that listens to `groups` (a bit mask); the sentence why not otherwise. */
export function openNetlink(
  libc: Libc,
  protocol: number,
  groups: number,
): { readonly fd: number } | { readonly errno: number } {
  const type = socketTypes.raw | socketTypes.nonBlocking | socketTypes.closeOnExec;
  const fd = libc.socket(addressFamilies.netlink, type, protocol);
  if (fd < 0) return { errno: -fd };
  const address = Buffer.alloc(12);
  address.writeUInt16LE(addressFamilies.netlink, 0);
  address.writeUInt32LE(groups, 8);
  const bound = libc.bind(fd, address);
  if (bound >= 0) return { fd };
  libc.close(fd);
  return { errno: -bound };
}

/** Asks for a receive buffer beyond the system's limit, which root may have, or else as large as anyone may. */
export function setReceiveBuffer(libc: Libc, fd: number, sizeBytes: number): void {
  const value = Buffer.alloc(4);
  // The kernel doubles the value, for its own bookkeeping.
  value.writeInt32LE(Math.min(sizeBytes, 0x3fff_ffff), 0);
  const { level, receiveBuffer, receiveBufferForce } = socketOptions;
  if (libc.setSocketOption(fd, level, receiveBufferForce, value) < 0) {
    libc.setSocketOption(fd, level, receiveBuffer, value);
  }
}

/** The kernel refused a request; `errno` is positive. */
export class NetlinkError extends Error {
  constructor(
    attempt: string,
    readonly errno: number,
  ) {
    super(`${attempt} was refused by the kernel: ${errnoText(errno)}.`);
  }
}

/** The kernel did not answer a request in time, or did not even take it. */
export class NetlinkTimeout extends Error {
  constructor(attempt: string, isTaken: boolean) {
    super(
      isTaken
        ? `${attempt} was not answered by the kernel within ${answerTimeoutMs} ms.`
        : `${attempt} was not begun by the kernel within ${takenTimeoutMs / 1000} s: it is busy with requests of others.`,
    );
  }
}

/** What ends a request: the acknowledgement, one message of the type asked for, or the end of a list. */
export type Until = 'acknowledged' | 'answered' | 'listed';

/**
 * Requests to one netlink protocol, matched to their answers by sequence number.
 *
 * 1. Only messages that the kernel itself sent (port 0) are looked at.
 * 2. Every request settles: by its answer, by an error, by the deadline, or by `close`.
 * 3. They are sent in their order, one at a time, on a thread of the pool: the kernel works on a request before `send`
 *    returns, and lets it wait while it works on those of others. Deleting an audit rule takes it up to tens of
 *    milliseconds (`synchronize_rcu` in `audit_del_rule`, `kernel/auditfilter.c`).
 * 4. The descriptor is closed when nothing is being sent any more: its number may be another's then.
 */
export class NetlinkRequests implements DescriptorOwner {
  /** Somebody waits for the answers. */
  readonly urgent = true;
  private readonly pending = new Map<number, PendingRequest>();
  private readonly turns = new Turns();
  private sequence = 0;
  private closed = false;

  private constructor(
    private readonly options: NetlinkRequestsOptions,
    readonly fd: number,
  ) {}

  static open(options: NetlinkRequestsOptions): NetlinkRequests | Unavailable {
    const opened = openNetlink(options.libc, options.protocol, 0);
    if ('errno' in opened) {
      return { unavailable: `A netlink socket was refused: ${errnoText(opened.errno)}.` };
    }
    const requests = new NetlinkRequests(options, opened.fd);
    options.reader.add(opened.fd, requests);
    return requests;
  }

  /**
   * Sends one request. `attempt` begins the sentence of the error ("Adding an audit rule"). Resolves with the
   * payloads of the answers; rejects with NetlinkError or NetlinkTimeout.
   */
  request(
    attempt: string,
    type: number,
    payload: Buffer,
    until: Until,
  ): Promise<readonly Buffer[]> {
    this.sequence = (this.sequence % 0x7fff_ffff) + 1;
    const { sequence } = this;
    const flags = requestFlag | (until === 'acknowledged' ? acknowledgeFlag : 0);
    return new Promise((resolve, reject) => {
      if (this.closed) {
        reject(new NetlinkError(attempt, constants.errno.EBADF));
        return;
      }
      const request: PendingRequest = {
        attempt,
        type,
        until,
        answers: [],
        resolve,
        reject,
        isTaken: false,
        deadline: this.options.clock.after(takenTimeoutMs, () => this.isLate(sequence)),
      };
      this.pending.set(sequence, request);
      void this.turns.run(() => this.send(sequence, buildMessage(type, flags, sequence, payload)));
    });
  }

  /** Sends what nobody gave up meanwhile; the time for the answer begins when the kernel is done with it. */
  private async send(sequence: number, message: Buffer): Promise<void> {
    const { clock, libc } = this.options;
    if (this.closed || !this.pending.has(sequence)) return;
    const sent = await libc.sendOnThread(this.fd, message).catch(() => -constants.errno.EIO);
    const request = this.pending.get(sequence);
    if (request === undefined) return;
    if (sent < 0) {
      this.settle(sequence, request, new NetlinkError(request.attempt, -sent));
      return;
    }
    request.isTaken = true;
    request.deadline.cancel();
    request.deadline = clock.after(answerTimeoutMs, () => this.isLate(sequence));
    // The acknowledgement is there already, and the reader may be resting.
    this.readable();
  }

  private isLate(sequence: number): void {
    // On a slow or busy device it may be us who are late: then the answer waits in the socket.
    this.readable();
    const request = this.pending.get(sequence);
    if (request === undefined) return;
    this.settle(sequence, request, new NetlinkTimeout(request.attempt, request.isTaken));
  }

  readable(): 'drained' | 'more' {
    const drained = this.options.reader.drain(this.fd, ({ bytes, senderPortId }) => {
      if (senderPortId !== 0) return;
      for (const message of parseMessages(bytes)) this.take(message);
    });
    return drained.more ? 'more' : 'drained';
  }

  failed(): void {
    this.close();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.options.reader.remove(this.fd);
    for (const [sequence, request] of this.pending) {
      this.settle(sequence, request, new NetlinkTimeout(request.attempt, request.isTaken));
    }
    void this.turns.run(() => Promise.resolve(this.options.libc.close(this.fd)));
  }

  private take(message: NetlinkMessage): void {
    const request = this.pending.get(message.sequence);
    if (message.type === netlinkTypes.error && request !== undefined) {
      const errno = message.payload.length < 4 ? 0 : -message.payload.readInt32LE(0);
      if (errno !== 0) {
        this.settle(message.sequence, request, new NetlinkError(request.attempt, errno));
      } else if (request.until === 'acknowledged') this.settle(message.sequence, request);
    } else if (message.type === netlinkTypes.done && request?.until === 'listed') {
      this.settle(message.sequence, request);
    } else if (message.type === request?.type) {
      if (request.answers.length < maxAnswers) request.answers.push(Buffer.from(message.payload));
      if (request.until === 'answered') this.settle(message.sequence, request);
    } else this.options.onOther?.(message);
  }

  private settle(sequence: number, request: PendingRequest, error?: Error): void {
    this.pending.delete(sequence);
    request.deadline.cancel();
    if (error === undefined) request.resolve(request.answers);
    else request.reject(error);
  }
}

interface NetlinkRequestsOptions {
  readonly libc: Libc;
  readonly reader: KernelReader;
  readonly clock: Clock;
  readonly protocol: number;
  /** Messages that answer no request; their payload is valid during the call only. */
  readonly onOther?: (message: NetlinkMessage) => void;
}

interface PendingRequest {
  readonly attempt: string;
  readonly type: number;
  readonly until: Until;
  readonly answers: Buffer[];
  readonly resolve: (answers: readonly Buffer[]) => void;
  readonly reject: (error: Error) => void;
  /** The kernel is done with it; the answer may still have to be read. */
  isTaken: boolean;
  deadline: Timer;
}

const takenTimeoutMs = 5_000;
const answerTimeoutMs = 700;
const maxAnswers = 16_384;
