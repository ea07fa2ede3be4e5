import { constants } from 'node:os';
import type { Clock } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import { errnoText, type Libc } from '../libc.js';
import {
  netlinkProtocols,
  netlinkTypes,
  openNetlink,
  parseMessages,
  setReceiveBuffer,
} from '../netlink.js';
import type { KernelReader } from '../reader.js';
import {
  encodeProbe,
  endedTcpGroups,
  type EndedSocket,
  parseEndedSockets,
} from './ended-sockets-messages.js';

/** TCP sockets of the agent's network namespace, as they end: what is gone from /proc/net before it is looked at. */
export interface EndedSockets {
  /** Resolves when the kernel confirmed: every TCP socket of the namespace that ends from then on is told. */
  subscribe(subscriber: EndedSocketsSubscriber): Promise<EndedSocketsSubscription | Unavailable>;
}

export interface EndedSocketsSubscriber {
  /** Must not throw. */
  readonly onEnded: (sockets: readonly EndedSocket[]) => void;
  readonly lose: ReportLoss;
  /** The kernel tells no more, and the subscription ended. */
  readonly onFailed: (error: Error) => void;
}

interface EndedSocketsSubscription {
  /** Tells what the kernel has queued up to now. Never throws. */
  refresh(): void;
  /** Never throws. */
  end(): void;
}

interface EndedSocketReaderOptions {
  readonly libc: Libc;
  readonly reader: Pick<KernelReader, 'add' | 'remove' | 'drain'>;
  readonly clock: Clock;
}

/** About 10,000 messages. */
const receiveBufferBytes = 8 * 1024 * 1024;
const answerWithinMs = 1000;
const probeSequence = 1;

/**
 * The kernel's news of sockets that ended in the agent's network namespace.
 *
 * 1. Each subscription has a socket of its own, open until its end.
 * 2. Only the kernel is believed; what else arrives counts as unparsed.
 * 3. After its end nothing is told to a subscriber.
 */
export class EndedSocketReader implements EndedSockets {
  constructor(private readonly options: EndedSocketReaderOptions) {}

  async subscribe(
    subscriber: EndedSocketsSubscriber,
  ): Promise<EndedSocketsSubscription | Unavailable> {
    const { libc } = this.options;
    const opened = openNetlink(libc, netlinkProtocols.socketDiagnosis, endedTcpGroups);
    if ('errno' in opened) return { unavailable: refusal(opened.errno) };
    setReceiveBuffer(libc, opened.fd, receiveBufferBytes);
    const open = new OpenReader(this.options, opened.fd, subscriber);
    const refused = await open.start();
    return refused ?? open;
  }
}

class OpenReader implements EndedSocketsSubscription {
  private open = true;
  private answered: ((errno: number) => void) | undefined;

  constructor(
    private readonly options: EndedSocketReaderOptions,
    private readonly fd: number,
    private readonly subscriber: EndedSocketsSubscriber,
  ) {}

  /** Undefined when the kernel answers as one that can tell of TCP sockets. */
  async start(): Promise<Unavailable | undefined> {
    const { libc, reader, clock } = this.options;
    reader.add(this.fd, {
      readable: () => this.read(),
      failed: (reason) => {
        if (!this.open) return;
        this.end();
        this.answered?.(constants.errno.EIO);
        this.subscriber.onFailed(new Error(`The kernel's news of ended sockets ended: ${reason}.`));
      },
    });
    const errno = await new Promise<number>((resolve) => {
      const timer = clock.after(answerWithinMs, () => {
        // On a slow or busy device it may be us who are late: then the answer waits in the socket.
        this.read();
        resolve(constants.errno.ETIMEDOUT);
      });
      this.answered = (answer) => {
        timer.cancel();
        resolve(answer);
      };
      const sent = libc.send(this.fd, encodeProbe(probeSequence));
      if (sent < 0) this.answered(-sent);
    });
    this.answered = undefined;
    if (errno === 0) return undefined;
    this.end();
    return { unavailable: refusal(errno) };
  }

  refresh(): void {
    while (this.open && this.read() === 'more');
  }

  end(): void {
    if (!this.open) return;
    this.open = false;
    this.options.reader.remove(this.fd);
    this.options.libc.close(this.fd);
  }

  private read(): 'drained' | 'more' {
    if (!this.open) return 'drained';
    const { onEnded, lose } = this.subscriber;
    const all: EndedSocket[] = [];
    const drained = this.options.reader.drain(this.fd, ({ bytes, senderPortId }) => {
      if (senderPortId !== 0) {
        lose('unparsed', 1);
        return;
      }
      if (this.answered !== undefined && this.takeAnswer(bytes)) return;
      const { ended, malformed } = parseEndedSockets(bytes);
      if (malformed > 0) lose('unparsed', malformed);
      all.push(...ended);
    });
    if (all.length > 0) onEnded(all);
    if (drained.overflowed) lose('socketOverflow', 1);
    return drained.more ? 'more' : 'drained';
  }

  private takeAnswer(bytes: Buffer): boolean {
    for (const { type, sequence, payload } of parseMessages(bytes)) {
      if (sequence !== probeSequence) continue;
      if (type === netlinkTypes.done) this.answered?.(0);
      else if (type === netlinkTypes.error)
        this.answered?.(payload.length < 4 ? constants.errno.EIO : -payload.readInt32LE(0));
      else continue;
      return true;
    }
    return false;
  }
}

function refusal(errno: number): string {
  return `The kernel cannot tell which sockets end (CONFIG_INET_DIAG, CONFIG_INET_TCP_DIAG): ${errnoText(errno)}.`;
}
