import { constants } from 'node:os';
import type { Clock } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import { isUnavailable, type Unavailable } from '../../../base/unavailable.js';
import { addressFamilies, errnoText, type Libc } from '../libc.js';
import { netlinkProtocols, openNetlink, setReceiveBuffer } from '../netlink.js';
import type { KernelReader } from '../reader.js';
import {
  encodeRequest,
  eventBits,
  ignore,
  listen,
  parseProcessEvents,
  type ProcessEvent,
} from './proc-connector-messages.js';

/** The kernel's process events: shared, opened by the first subscriber, closed after the last. */
export interface ProcessEvents {
  /** Resolves when the kernel confirmed: every fork, exec and exit from then on is told. */
  subscribe(subscriber: ProcessEventSubscriber): Promise<ProcessEventSubscription | Unavailable>;
  /**
   * Tells now what the kernel has told so far: whatever audit tells of a process comes after its process events. Does
   * nothing while an event is being told, or without subscribers. Never throws.
   */
  catchUp?(): void;
  /** Wall clock, ms, as the times of the events have it: to the microsecond. */
  nowMs?(): number;
}

export interface ProcessEventSubscriber {
  /**
   * Whether events shall be told at once, so that /proc can be read before the process is gone; otherwise they may be
   * some 50 ms old, which costs far fewer wake-ups.
   */
  readonly isFresh: () => boolean;
  /** Must not throw. */
  readonly onEvent: (event: ProcessEvent) => void;
  readonly lose: ReportLoss;
  /** The stream ended for good and the subscription with it; subscribe again later. */
  readonly onFailed: (error: Error) => void;
}

export interface ProcessEventSubscription {
  /** Never throws. */
  end(): void;
}

interface ProcConnectorOptions {
  readonly libc: Libc;
  readonly reader: KernelReader;
  readonly clock: Clock;
  /** What the wall clock showed when CLOCK_MONOTONIC was zero, a millisecond too early at most. */
  readonly bootWallMs: () => number;
  /** CLOCK_MONOTONIC, ms; zero when absent. */
  readonly monotonicMs?: () => number;
  /** As uname(2) tells it, `6.1.0-18-amd64`. */
  readonly kernelRelease: string;
  /** A socket of the connector that systemd opened and bound; stays open when the last subscriber leaves. */
  readonly handedOver?: number;
}

const processEventsGroup = 1;
const receiveBufferBytes = 8 * 1024 * 1024;
const answerWithinMs = 1000;
/** 8 MiB of events are read within this many turns of the reader. */
const lastTurns = 128;
/** A storm goes on while it is read. */
const catchUpTurns = 16;
const wantedEvents = (eventBits.fork | eventBits.exec | eventBits.exit) >>> 0;

/**
 * The process events of the kernel, read from the connector.
 *
 * 1. The kernel counts listening sockets: one that was confirmed is told to ignore before it is left.
 * 2. Nobody is told of an event after the end of the subscription.
 * 3. Messages that did not come from the kernel count as unparsed.
 * 4. Every subscriber is told the events in the order in which the kernel told them, also what `catchUp` reads.
 */
export class ProcConnector implements ProcessEvents {
  private readonly subscribers = new Set<ProcessEventSubscriber>();
  private opening: Promise<number | Unavailable> | undefined;
  private sequence = 0;
  private answered: ((errno: number) => void) | undefined;
  private fd: number | undefined;
  private telling = false;
  private readonly bootTime: SteadyBootTime;

  constructor(private readonly options: ProcConnectorOptions) {
    this.bootTime = new SteadyBootTime(options.bootWallMs);
  }

  catchUp(): void {
    const { fd } = this;
    if (fd === undefined || this.telling || this.subscribers.size === 0) return;
    for (let turn = 0; turn < catchUpTurns && this.read(fd) === 'more'; turn++);
  }

  nowMs(): number {
    return this.bootTime.wallMs() + (this.options.monotonicMs?.() ?? 0);
  }

  async subscribe(
    subscriber: ProcessEventSubscriber,
  ): Promise<ProcessEventSubscription | Unavailable> {
    this.subscribers.add(subscriber);
    this.opening ??= this.open();
    const opening = this.opening;
    const opened = await opening;
    if (isFailure(opened)) {
      this.subscribers.delete(subscriber);
      if (this.opening === opening) this.opening = undefined;
      return opened;
    }
    return {
      end: () => {
        if (!this.subscribers.delete(subscriber) || this.subscribers.size > 0) return;
        this.opening = undefined;
        this.close(opened);
      },
    };
  }

  private async open(): Promise<number | Unavailable> {
    const { libc, reader, handedOver } = this.options;
    const fd = handedOver ?? this.openSocket();
    if (isFailure(fd)) return fd;
    setReceiveBuffer(libc, fd, receiveBufferBytes);
    const { subscribers } = this;
    reader.add(fd, {
      get urgent() {
        for (const subscriber of subscribers) if (subscriber.isFresh()) return true;
        return false;
      },
      readable: () => this.read(fd),
      failed: (reason) => this.fail(fd, reason),
    });
    // What came since a run that crashed is told first: in a queue that is full there is no room for the answer.
    if (handedOver !== undefined)
      for (let turn = 0; turn < lastTurns && this.read(fd) === 'more'; turn++);
    const errno = await this.listen(fd);
    if (errno === 0) {
      this.narrow(fd);
      this.fd = fd;
      return fd;
    }
    this.release(fd);
    if (errno === constants.errno.EPERM)
      return { unavailable: 'Process events of the kernel need CAP_NET_ADMIN.' };
    return {
      unavailable:
        errno === constants.errno.ETIMEDOUT
          ? 'The kernel does not answer requests for process events (CONFIG_PROC_EVENTS, or a container).'
          : `The kernel refused to tell process events: ${errnoText(errno)}.`,
    };
  }

  private openSocket(): number | Unavailable {
    const opened = openNetlink(this.options.libc, netlinkProtocols.connector, processEventsGroup);
    if ('fd' in opened) return opened.fd;
    const missing = opened.errno === constants.errno.EPERM ? ' (it needs CAP_NET_ADMIN)' : '';
    return {
      unavailable: `Process events cannot be listened to: ${errnoText(opened.errno)}${missing}.`,
    };
  }

  /** The errno of the kernel's answer, ETIMEDOUT without one. */
  private async listen(fd: number): Promise<number> {
    const { clock, libc } = this.options;
    const request = encodeRequest(listen, this.nextSequence());
    const answer = new Promise<number>((resolve) => {
      const timer = clock.after(answerWithinMs, () => {
        // On a slow or busy device it may be us who are late: then the answer waits in the socket.
        this.read(fd);
        resolve(constants.errno.ETIMEDOUT);
      });
      this.answered = (errno) => {
        timer.cancel();
        resolve(errno);
      };
    });
    const sent = libc.send(fd, request, kernelAddress());
    if (sent < 0) this.answered?.(-sent);
    return answer;
  }

  /** In a second request, because with a mask in force the kernel filters its own answer out as well. */
  private narrow(fd: number): void {
    const { libc, kernelRelease } = this.options;
    if (!knowsEventMask(kernelRelease)) return;
    libc.send(fd, encodeRequest(listen, this.nextSequence(), wantedEvents), kernelAddress());
  }

  private nextSequence(): number {
    this.sequence = (this.sequence + 1) & 0x7fff_ffff;
    return this.sequence;
  }

  private read(fd: number): 'drained' | 'more' {
    const bootWallMs = this.bootTime.wallMs();
    const drained = this.options.reader.drain(fd, ({ bytes, senderPortId }) => {
      const { events, malformed } =
        senderPortId === 0 ? parseProcessEvents(bytes, bootWallMs) : { events: [], malformed: 1 };
      if (malformed > 0) this.lose('unparsed', malformed);
      for (const event of events) {
        if (event.kind !== 'acknowledgement') this.tell(event);
        else if (event.ack === this.sequence + 1) this.answered?.(event.errno);
      }
    });
    if (drained.overflowed) this.lose('socketOverflow', 1);
    return drained.more ? 'more' : 'drained';
  }

  private tell(event: ProcessEvent): void {
    this.telling = true;
    try {
      for (const subscriber of this.subscribers) subscriber.onEvent(event);
    } finally {
      this.telling = false;
    }
  }

  private lose(...loss: Parameters<ReportLoss>): void {
    for (const subscriber of this.subscribers) subscriber.lose(...loss);
  }

  private fail(fd: number, reason: string): void {
    const failed = [...this.subscribers];
    this.subscribers.clear();
    this.opening = undefined;
    this.release(fd);
    const error = new Error(`The kernel's process events ended: ${reason}.`);
    for (const subscriber of failed) subscriber.onFailed(error);
  }

  private close(fd: number): void {
    this.options.libc.send(fd, encodeRequest(ignore, this.nextSequence()), kernelAddress());
    this.release(fd);
  }

  private release(fd: number): void {
    this.fd = undefined;
    this.options.reader.remove(fd);
    if (fd !== this.options.handedOver) this.options.libc.close(fd);
  }
}

/** More than a reading of the clock is wrong by when nothing comes in between. */
const clockStepMs = 1.5;
/** On a busy machine another process may run between the looks at the two clocks. */
const mostReadings = 5;

/**
 * The wall clock shows whole milliseconds, so that each reading of the boot time is early by up to one, and by more when
 * the process had to wait within it. Events that are read at different times must not change places by that: the latest
 * reading counts, until several in a row say that the clock was set back.
 */
export class SteadyBootTime {
  private latestMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly reading: () => number) {}

  wallMs(): number {
    let nowMs = this.reading();
    for (let count = 1; count < mostReadings && this.isSetBack(nowMs); count++)
      nowMs = Math.max(nowMs, this.reading());
    if (nowMs > this.latestMs || this.isSetBack(nowMs)) this.latestMs = nowMs;
    return this.latestMs;
  }

  private isSetBack(nowMs: number): boolean {
    return nowMs < this.latestMs - clockStepMs;
  }
}

function isFailure(opened: number | Unavailable): opened is Unavailable {
  return typeof opened === 'object' && isUnavailable(opened);
}

/** Kernel 6.6 introduced `struct proc_input`; earlier ones ignore a request of its length. */
function knowsEventMask(release: string): boolean {
  const [, major = '0', minor = '0'] = /^(\d+)\.(\d+)/u.exec(release) ?? [];
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 6);
}

/** `struct sockaddr_nl` of the kernel, `uapi/linux/netlink.h`. */
function kernelAddress(): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(addressFamilies.netlink, 0);
  return address;
}
