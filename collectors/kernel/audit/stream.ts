import { constants } from 'node:os';
import type { Unavailable } from '../../../base/unavailable.js';
import type { Libc } from '../libc.js';
import { errnoText, socketOptions } from '../libc.js';
import { netlinkHeaderBytes, netlinkProtocols, openNetlink, setReceiveBuffer } from '../netlink.js';
import type { DescriptorOwner, KernelReader } from '../reader.js';

export interface AuditStreamEvents {
  /** One record as it came. */
  readonly onRecord: (type: number, text: string) => void;
  /** Records were dropped because they were read too slowly. */
  readonly onOverflow: () => void;
  /** A datagram of the kernel was no whole record. */
  readonly onUnreadable: () => void;
  /** Nothing will come any more. */
  readonly onFailed: (reason: string) => void;
}

export interface AuditStream {
  /** Reads what has queued, as far as one turn allows: `drained` when nothing is left. */
  read(): 'drained' | 'more';
  /** Reads what has queued, and ends. */
  close(): void;
}

export type OpenAuditStream = (events: AuditStreamEvents) => AuditStream | Unavailable;

interface AuditStreamOptions {
  readonly libc: Libc;
  readonly reader: KernelReader;
  readonly receiveBufferBytes: number;
  /** A multicast socket that systemd opened and bound for us; otherwise an own one is opened. */
  readonly handedOver?: number;
}

/** AUDIT_NLGRP_READLOG, the read-only copy of every record (kernel 3.16 and later). */
const readLogGroup = 1;
const socketProtocol = 38;
/** 8 MiB of records are read within this many turns of the reader. */
const lastTurns = 32;

/**
 * The multicast copy of the audit stream. A descriptor that was handed over stays open for the next time, and the
 * first time what has queued in it while the service restarted is delivered too.
 */
export function auditStreams(options: AuditStreamOptions): OpenAuditStream {
  const { libc, reader } = options;
  let handedOver = usableHandedOver(options);
  let used = false;
  return (events) => {
    let fd: number;
    const given = handedOver;
    if (given !== undefined) {
      fd = given;
      // What came while nobody subscribed was not asked for.
      while (used && reader.drain(fd, () => undefined).more);
      used = true;
    } else {
      const opened = openNetlink(libc, netlinkProtocols.audit, readLogGroup);
      if ('errno' in opened) return { unavailable: refused(opened.errno) };
      fd = opened.fd;
    }
    setReceiveBuffer(libc, fd, options.receiveBufferBytes);
    const owner: DescriptorOwner = {
      readable() {
        const drained = reader.drain(fd, ({ bytes, senderPortId, truncated }) => {
          // What is not from the kernel is nobody's loss.
          if (senderPortId !== 0) return;
          if (bytes.length < netlinkHeaderBytes || truncated) {
            events.onUnreadable();
            return;
          }
          // Not by nlmsg_len: in audit records it counts the text alone (`audit_log_end` in kernel/audit.c).
          events.onRecord(bytes.readUInt16LE(4), recordText(bytes));
        });
        if (drained.overflowed) events.onOverflow();
        return drained.more ? 'more' : 'drained';
      },
      failed(reason) {
        handedOver = undefined;
        events.onFailed(`The audit socket cannot be read any more: ${reason}.`);
      },
    };
    reader.add(fd, owner);
    return {
      read: () => owner.readable(),
      close() {
        for (let turn = 0; turn < lastTurns && owner.readable() === 'more'; turn++);
        reader.remove(fd);
        if (fd !== given) libc.close(fd);
      },
    };
  };
}

function usableHandedOver({ libc, handedOver }: AuditStreamOptions): number | undefined {
  if (handedOver === undefined) return undefined;
  const protocol = libc.getSocketOption(handedOver, socketOptions.level, socketProtocol);
  return protocol === netlinkProtocols.audit ? handedOver : undefined;
}

function recordText(datagram: Buffer): string {
  let end = datagram.length;
  while (end > netlinkHeaderBytes && (datagram[end - 1] === 0 || datagram[end - 1] === 0x0a)) end--;
  return datagram.toString('utf8', netlinkHeaderBytes, end);
}

function refused(errno: number): string {
  const why = `The audit stream cannot be read: ${errnoText(errno)}.`;
  switch (errno) {
    case constants.errno.EPERM:
    case constants.errno.EACCES:
      return `${why} Give the agent CAP_AUDIT_READ, or hand it the socket with ListenNetlink=audit 1.`;
    case constants.errno.EPROTONOSUPPORT:
    case constants.errno.EAFNOSUPPORT:
      return `${why} The kernel has no audit (CONFIG_AUDIT), was booted without it (audit=0), or a seccomp filter forbids AF_NETLINK.`;
    default:
      return why;
  }
}
