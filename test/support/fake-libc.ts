import { constants } from 'node:os';
import type { Datagram, Libc, PollSet, Receiver } from '../../collectors/kernel/libc.js';
import { pollEvents } from '../../collectors/kernel/libc.js';

interface Socket {
  readonly queue: Datagram[];
  overflowed: boolean;
  /** Answered by poll(2) whatever is queued. */
  state: number;
  /** errno of every read, 0 for none. */
  broken: number;
}

/** Sockets that tests fill, and a poll(2) that waits for them. */
export class FakeLibc implements Libc {
  readonly sockets = new Map<number, Socket>();
  readonly sent: Buffer[] = [];
  polls = 0;
  pendingPolls = 0;
  private nextFd = 10;
  private wake: () => void = () => undefined;

  deliver(fd: number, bytes: Buffer, senderPortId = 0): void {
    this.sockets.get(fd)?.queue.push({ bytes, senderPortId, truncated: false });
    this.wake();
  }

  overflow(fd: number): void {
    const socket = this.sockets.get(fd);
    if (socket !== undefined) socket.overflowed = true;
    this.wake();
  }

  /** Makes poll(2) answer these events for the descriptor from now on. */
  setState(fd: number, state: number, broken = 0): void {
    const socket = this.sockets.get(fd);
    if (socket !== undefined) Object.assign(socket, { state, broken });
    this.wake();
  }

  socket(): number {
    this.sockets.set(this.nextFd, { queue: [], overflowed: false, state: 0, broken: 0 });
    return this.nextFd++;
  }
  mountDetached(): number {
    return -constants.errno.EPERM;
  }
  eventfd(): number {
    return this.socket();
  }
  signal(eventfd: number): number {
    this.setState(eventfd, pollEvents.readable);
    return 8;
  }
  clear(eventfd: number): number {
    this.setState(eventfd, 0);
    return 8;
  }
  send(_fd: number, datagram: Buffer): number {
    this.sent.push(Buffer.from(datagram));
    return datagram.length;
  }
  /** The kernel takes as long as the test wants. */
  sending: Promise<void> = Promise.resolve();
  async sendOnThread(fd: number, datagram: Buffer): Promise<number> {
    await this.sending;
    return this.send(fd, datagram);
  }
  close(fd: number): number {
    return this.sockets.delete(fd) ? 0 : -constants.errno.EBADF;
  }
  inotify(): number {
    return this.socket();
  }
  addFileWatch(): number {
    return 1;
  }
  removeFileWatch(): number {
    return 0;
  }
  readBytes(fd: number): Buffer | number {
    return this.sockets.get(fd)?.queue.shift()?.bytes ?? -constants.errno.EAGAIN;
  }
  bind(): number {
    return 0;
  }
  setSocketOption(): number {
    return 0;
  }
  getSocketOption(): number {
    return 0;
  }
  attachFilter(): number {
    return 0;
  }

  pollSet(capacity: number): PollSet {
    const fds: number[] = [];
    let answers: number[] = [];
    const look = (count: number): number[] =>
      fds.slice(0, count).map((fd) => {
        const socket = this.sockets.get(fd);
        if (socket === undefined) return pollEvents.invalid;
        const readable = socket.queue.length > 0 ? pollEvents.readable : 0;
        return socket.state | readable | (socket.overflowed ? pollEvents.error : 0);
      });
    return {
      capacity,
      set: (index, fd) => {
        fds[index] = fd;
      },
      events: (index) => answers[index] ?? 0,
      wait: (count) => {
        this.polls++;
        this.pendingPolls++;
        return new Promise((resolve) => {
          this.wake = () => {
            answers = look(count);
            const ready = answers.filter((events) => events !== 0).length;
            if (ready === 0) return;
            this.wake = () => undefined;
            this.pendingPolls--;
            resolve(ready);
          };
          this.wake();
        });
      },
      free: () => undefined,
    };
  }

  receiver(slots: number): Receiver {
    let batch: Datagram[] = [];
    return {
      receive: (fd) => {
        const socket = this.sockets.get(fd);
        if (socket === undefined) return -constants.errno.EBADF;
        if (socket.broken !== 0) return -socket.broken;
        if (socket.overflowed) {
          socket.overflowed = false;
          return -constants.errno.ENOBUFS;
        }
        batch = socket.queue.splice(0, slots);
        return batch.length > 0 ? batch.length : -constants.errno.EAGAIN;
      },
      datagram: (index) => {
        const datagram = batch[index];
        if (datagram === undefined) throw new Error('beyond the batch');
        return datagram;
      },
      free: () => undefined,
    };
  }
}
