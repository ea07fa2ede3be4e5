/**
 * The wire format of the process events connector: `uapi/linux/netlink.h`, `uapi/linux/connector.h`,
 * `uapi/linux/cn_proc.h`. Numbers are in the byte order of the machine, little endian as in
 * `collectors/kernel/netlink.ts`.
 */

interface Timed {
  /** When it happened, wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
}

/** A program was executed by the process (thread group) `pid`. */
interface ExecEvent extends Timed {
  readonly kind: 'exec';
  readonly pid: number;
}

/** A new process, not a new thread. */
export interface ForkEvent extends Timed {
  readonly kind: 'fork';
  readonly pid: number;
  readonly parentPid: number;
}

/** A process began another thread. */
interface ThreadEvent extends Timed {
  readonly kind: 'thread';
  readonly pid: number;
}

/** A thread ended: the one that carries the pid, with which most processes end, or (`thread-exit`) another one. */
export interface ExitEvent extends Timed {
  readonly kind: 'exit' | 'thread-exit';
  readonly pid: number;
  /** What it handed to exit(2), 0–255; 0 when a signal ended it. */
  readonly exitCode: number;
  /** Number of the signal that ended it; 0 when none did. */
  readonly signal: number;
}

export type ProcessEvent = ExecEvent | ForkEvent | ThreadEvent | ExitEvent;

/** The kernel's answer to a request, told to every listener; `ack` says whose it is. */
interface Acknowledgement {
  readonly kind: 'acknowledgement';
  readonly ack: number;
  /** 0, or the errno. */
  readonly errno: number;
}

export const eventBits = { fork: 0x1, exec: 0x2, exit: 0x8000_0000 } as const;

const netlinkHeaderBytes = 16;
const connectorHeaderBytes = 20;
const eventHeaderBytes = 16;
const processEventsIndex = 1;
const messageDone = 3;

/**
 * The events of one datagram. Those that tell nothing about lives (changes of ids, names, ptrace) are left out; `malformed` counts messages that are shorter than what they announce or not from this connector.
 *
 * @param bootWallMs what the wall clock showed when the monotonic clock was zero
 */
export function parseProcessEvents(
  bytes: Buffer,
  bootWallMs: number,
): {
  readonly events: readonly (ProcessEvent | Acknowledgement)[];
  readonly malformed: number;
} {
  const events: (ProcessEvent | Acknowledgement)[] = [];
  let malformed = 0;
  for (let at = 0; at < bytes.length;) {
    const length = at + 4 <= bytes.length ? word(bytes, at) : 0;
    if (length < netlinkHeaderBytes || at + length > bytes.length) {
      malformed++;
      break;
    }
    const event = parseMessage(bytes.subarray(at, at + length), bootWallMs);
    if (event === 'malformed') malformed++;
    else if (event !== undefined) events.push(event);
    at += (length + 3) & ~3;
  }
  return { events, malformed };
}

function parseMessage(
  message: Buffer,
  bootWallMs: number,
): ProcessEvent | Acknowledgement | 'malformed' | undefined {
  const connectorAt = netlinkHeaderBytes;
  const eventAt = connectorAt + connectorHeaderBytes;
  const dataAt = eventAt + eventHeaderBytes;
  if (message.length < dataAt) return 'malformed';
  const index = word(message, connectorAt);
  const value = word(message, connectorAt + 4);
  if (index !== processEventsIndex || value !== processEventsIndex) return 'malformed';
  const present = Math.floor((message.length - dataAt) / 4);
  const data = (position: number): number => word(message, dataAt + position * 4);
  // ktime_get_ns(), the monotonic clock, as two words because a double holds 104 days of nanoseconds exactly.
  const timeMs =
    bootWallMs + (word(message, eventAt + 8) + word(message, eventAt + 12) * 2 ** 32) / 1e6;
  switch (word(message, eventAt)) {
    case 0:
      if (present < 1) return 'malformed';
      return { kind: 'acknowledgement', ack: word(message, connectorAt + 12), errno: data(0) };
    case eventBits.fork: {
      if (present < 4) return 'malformed';
      const [parentPid, pid, group] = [data(1), data(2), data(3)];
      return pid === group
        ? { kind: 'fork', pid, parentPid, timeMs }
        : { kind: 'thread', pid: group, timeMs };
    }
    case eventBits.exec:
      // After an exec the calling thread is the leader of its group, whatever thread it was before.
      return present < 2 ? 'malformed' : { kind: 'exec', pid: data(1), timeMs };
    case eventBits.exit: {
      if (present < 4) return 'malformed';
      const [pid, group, status] = [data(0), data(1), data(2)];
      // wait(2): the low seven bits are the signal, the byte above them the exit code.
      const kind = pid === group ? 'exit' : 'thread-exit';
      return { kind, pid: group, exitCode: (status >>> 8) & 0xff, signal: status & 0x7f, timeMs };
    }
    default:
      return undefined;
  }
}

/** PROC_CN_MCAST_LISTEN */
export const listen = 1;
/** PROC_CN_MCAST_IGNORE */
export const ignore = 2;

/**
 * A request to the connector. With `eventMask` it has the longer form that kernels before 6.6 pass over in silence.
 * `sequence` comes back, plus one, as the `ack` of the answer.
 */
export function encodeRequest(
  operation: typeof listen | typeof ignore,
  sequence: number,
  eventMask?: number,
): Buffer {
  const dataBytes = eventMask === undefined ? 4 : 8;
  const message = Buffer.alloc(netlinkHeaderBytes + connectorHeaderBytes + dataBytes);
  message.writeUInt32LE(message.length, 0);
  message.writeUInt16LE(messageDone, 4);
  message.writeUInt32LE(processEventsIndex, netlinkHeaderBytes);
  message.writeUInt32LE(processEventsIndex, netlinkHeaderBytes + 4);
  message.writeUInt32LE(sequence, netlinkHeaderBytes + 8);
  message.writeUInt32LE(sequence, netlinkHeaderBytes + 12);
  message.writeUInt16LE(dataBytes, netlinkHeaderBytes + 16);
  message.writeUInt32LE(operation, netlinkHeaderBytes + connectorHeaderBytes);
  if (eventMask !== undefined)
    message.writeUInt32LE(eventMask, netlinkHeaderBytes + connectorHeaderBytes + 4);
  return message;
}

function word(bytes: Buffer, offset: number): number {
  return bytes.readUInt32LE(offset);
}
