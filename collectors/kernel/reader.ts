import { constants } from 'node:os';
import type { Clock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import type { Datagram, Libc, PollSet, Receiver } from './libc.js';
import { errnoText, pollEvents } from './libc.js';

/**
 * The one wait for all kernel descriptors of the agent: a thread of Node's pool, parked in poll(2) without a timeout.
 *
 * 1. At most one poll is pending, and none after `stop` has resolved or the process exits: Node joins its pool at
 *    exit, also after an uncaught exception, so a pending call would hold the process forever.
 * 2. Nothing wakes up while nothing happens.
 * 3. One turn reads at most `datagramsPerTurn` datagrams from a descriptor; then timers and other sockets go on.
 * 4. While it runs the process stays alive; after `stop` nothing of it holds the process.
 * 5. A descriptor that fails, or whose owner throws, is told to its owner once and no longer waited for, so that it
 *    cannot spin. The others are read on: what is undone in the kernel at the end needs its answers.
 */
export class KernelReader {
  private readonly watched = new Map<number, Watched>();
  private running: Running | undefined;

  constructor(
    private readonly libc: Libc,
    private readonly clock: Clock,
  ) {}

  /** Opens the wake-up descriptor and begins to wait. Throws when the kernel refuses it. */
  start(): void {
    if (this.running !== undefined) return;
    const wakeUp = this.libc.eventfd();
    if (wakeUp < 0) throw new Error(`An eventfd could not be opened: ${errnoText(wakeUp)}.`);
    const running: Running = {
      wakeUp,
      polls: this.libc.pollSet(maxDescriptors + 1),
      receiver: this.libc.receiver(slots, slotBytes),
      inner: undefined,
      receiving: false,
      finished: Promise.resolve(),
      rounds: [],
      endPause: undefined,
      // Timers of the clock let the process end, and so would the rest between two polls.
      alive: setInterval(() => undefined, longestTimerMs),
      onExit: () => this.libc.signal(wakeUp),
    };
    this.running = running;
    process.once('exit', running.onExit);
    running.finished = this.loop(running);
  }

  /** Ends the pending poll and releases everything. The watched descriptors stay open: they are their owners'. */
  async stop(): Promise<void> {
    const running = this.running;
    if (running === undefined) return;
    this.running = undefined;
    running.endPause?.();
    this.libc.signal(running.wakeUp);
    await running.finished;
    roundDone(running);
    clearInterval(running.alive);
    process.off('exit', running.onExit);
    this.libc.close(running.wakeUp);
    running.polls.free();
    running.receiver.free();
    running.inner?.free();
  }

  /** Resolves when the loop has come round: nothing keeps the descriptors from being read. At once when it is stopped. */
  comesRound(): Promise<void> {
    const running = this.running;
    if (running === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      running.rounds.push(resolve);
      this.wake();
    });
  }

  /** Waits for `fd`, which must be non-blocking or read through `drain`. May be called before `start`. */
  add(fd: number, owner: DescriptorOwner): void {
    if (this.watched.size >= maxDescriptors) {
      throw new Error(`More than ${maxDescriptors} kernel descriptors cannot be watched.`);
    }
    this.watched.set(fd, { fd, owner });
    this.wake();
  }

  /** Stops waiting for `fd`; the owner may close it afterwards. */
  remove(fd: number): void {
    if (this.watched.delete(fd)) this.wake();
  }

  /**
   * Reads the datagrams that wait on `fd`, without blocking, up to the bound of one turn. A datagram's bytes are
   * valid during the callback only. To be called from `readable`, or at any time while the reader runs; also from the
   * callback of another descriptor, once deep.
   */
  drain(fd: number, onDatagram: (datagram: Datagram) => void): Drained {
    const running = this.running;
    if (running === undefined) return { datagrams: 0, overflowed: false, more: false };
    const isWithin = running.receiving;
    if (isWithin) running.inner ??= this.libc.receiver(slots, slotBytes);
    running.receiving = true;
    try {
      return this.receive(fd, (isWithin && running.inner) || running.receiver, onDatagram);
    } finally {
      running.receiving = isWithin;
    }
  }

  private receive(
    fd: number,
    receiver: Receiver,
    onDatagram: (datagram: Datagram) => void,
  ): Drained {
    const result = { datagrams: 0, overflowed: false, more: false };
    while (result.datagrams < datagramsPerTurn) {
      const count = receiver.receive(fd);
      if (count === -constants.errno.ENOBUFS) {
        // The kernel reports the overflow once and then delivers what is queued.
        result.overflowed = true;
        continue;
      }
      if (count === -constants.errno.EINTR) continue;
      if (count === -constants.errno.EAGAIN || count === 0) return result;
      if (count < 0) {
        this.abandon(fd, errnoText(count));
        return result;
      }
      for (let index = 0; index < count; index++) {
        onDatagram(receiver.datagram(index));
        result.datagrams++;
      }
      if (count < slots) return result;
    }
    result.more = true;
    return result;
  }

  private wake(): void {
    if (this.running !== undefined) this.libc.signal(this.running.wakeUp);
  }

  private async loop(running: Running): Promise<void> {
    while (this.running === running) {
      const parked = [...this.watched.values()];
      running.polls.set(0, running.wakeUp);
      parked.forEach((entry, index) => running.polls.set(index + 1, entry.fd));
      let answer: number;
      try {
        answer = await running.polls.wait(parked.length + 1);
      } catch {
        answer = -1;
      }
      if (running.polls.events(0) !== 0) this.libc.clear(running.wakeUp);
      if (answer < 0) {
        // EINTR, or no memory for the call: neither lasts, and trying at once must not become a busy loop.
        await this.pause(running, retryMs);
        continue;
      }
      let ready = parked.filter((entry, index) => {
        const events = running.polls.events(index + 1);
        return events !== 0 && this.watched.get(entry.fd) === entry
          ? this.serviceable(entry, events)
          : false;
      });
      const mayRest = ready.length > 0 && ready.every((entry) => entry.owner.urgent !== true);
      while (ready.length > 0 && this.running === running) {
        ready = ready.filter(
          (entry) => this.watched.get(entry.fd) === entry && this.serve(entry) === 'more',
        );
        // A storm may keep it here: that is load, and the reader keeps up as well as it can.
        roundDone(running);
        if (ready.length > 0) await nextTurn();
      }
      // Records come in bursts; a short rest lets the next wake-up read many of them with one call.
      roundDone(running);
      if (mayRest) await this.pause(running, restMs);
    }
  }

  /** A defect in what an owner does with its data ends that owner's reading and no other's. */
  private serve(entry: Watched): 'drained' | 'more' {
    try {
      return entry.owner.readable();
    } catch (error) {
      this.abandon(entry.fd, `a defect of the agent (${reasonOf(error)})`);
      return 'drained';
    }
  }

  /** Readable, or in an error that reading will clear; anything else is told to the owner and given up. */
  private serviceable(entry: Watched, events: number): boolean {
    // A netlink socket that overflowed answers POLLERR together with, or before, POLLIN; reading clears it.
    if ((events & (pollEvents.readable | pollEvents.error)) !== 0) return true;
    const closed = (events & pollEvents.invalid) !== 0;
    this.abandon(entry.fd, closed ? 'the descriptor was closed' : 'the far end hung up');
    return false;
  }

  private abandon(fd: number, reason: string): void {
    const entry = this.watched.get(fd);
    this.watched.delete(fd);
    entry?.owner.failed(reason);
  }

  private async pause(running: Running, durationMs: number): Promise<void> {
    if (this.running !== running) return;
    await new Promise<void>((resolve) => {
      const timer = this.clock.after(durationMs, resolve);
      running.endPause = () => {
        timer.cancel();
        resolve();
      };
    });
    running.endPause = undefined;
  }
}

/** Who reads a descriptor. */
export interface DescriptorOwner {
  /** What is read goes stale within milliseconds, so that this descriptor is given no rest; asked at each turn. */
  readonly urgent?: boolean;
  /** Reads what waits, through `drain`; `more` when the bound of a turn was reached. */
  readable(): 'drained' | 'more';
  /** The descriptor can never be read again, and why; it is no longer watched. */
  failed(reason: string): void;
}

interface Drained {
  readonly datagrams: number;
  /** The kernel dropped datagrams since the last call because they were read too slowly (ENOBUFS). */
  readonly overflowed: boolean;
  readonly more: boolean;
}

interface Watched {
  readonly fd: number;
  readonly owner: DescriptorOwner;
}

interface Running {
  readonly wakeUp: number;
  readonly polls: PollSet;
  readonly receiver: Receiver;
  /** For what is read while a datagram of another descriptor is looked at. */
  inner: Receiver | undefined;
  receiving: boolean;
  finished: Promise<void>;
  /** Who waits for the loop to come round. */
  readonly rounds: (() => void)[];
  endPause: (() => void) | undefined;
  readonly alive: NodeJS.Timeout;
  readonly onExit: () => void;
}

/** One for each processor's trace buffer, and the sockets. */
const maxDescriptors = 159;
const slots = 64;
/** The longest audit message is 8970 bytes (`linux/audit.h`, MAX_AUDIT_MESSAGE_LENGTH) plus its header. */
const slotBytes = 16_384;
const datagramsPerTurn = 1024;
const restMs = 50;
const retryMs = 100;
const longestTimerMs = 0x7fff_ffff;

function roundDone(running: Running): void {
  for (const round of running.rounds.splice(0)) round();
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
