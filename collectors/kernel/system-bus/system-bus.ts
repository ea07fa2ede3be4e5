import { connect, type Socket } from 'node:net';
import { hasCode, plainReason } from '../../../base/errors.js';
import type { Unavailable } from '../../../base/unavailable.js';
import {
  type BusMessage,
  type BusValue,
  decodeMessage,
  encodeCall,
  messageTypes,
  type MethodCall,
  parseHeader,
} from './wire.js';

/** One connection to the system's bus; calls are answered one after the other. */
export interface SystemBus {
  /** The values of the answer. Rejects with a sentence when there is none or it is an error. */
  call(call: MethodCall): Promise<readonly BusValue[]>;
  close(): void;
}

const answerTimeoutMs = 5_000;
const longestGreetingBytes = 4096;

/**
 * Connects to the bus of the system as whoever runs this process (D-Bus Specification, "Authentication Protocol",
 * EXTERNAL). Reading what a service tells everybody needs no right.
 */
export async function openSystemBus(
  path: string,
  signal: AbortSignal,
): Promise<SystemBus | Unavailable> {
  const bus = new BusConnection(connect(path), signal);
  try {
    await bus.authenticate();
    await bus.call({
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'Hello',
    });
    return bus;
  } catch (error) {
    bus.close();
    signal.throwIfAborted();
    if (hasCode(error, 'ENOENT')) return { unavailable: 'there is no system bus' };
    return { unavailable: `the system bus does not answer: ${plainReason(error)}` };
  }
}

class BusConnection implements SystemBus {
  private received = Buffer.alloc(0);
  private serial = 0;
  private failed: Error | undefined;
  private wake: (() => void) | undefined;

  constructor(
    private readonly socket: Socket,
    private readonly signal: AbortSignal,
  ) {
    socket.unref();
    socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
      this.wake?.();
    });
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('the bus closed the connection')));
  }

  async authenticate(): Promise<void> {
    const user = Buffer.from(String(process.geteuid?.() ?? 0), 'latin1').toString('hex');
    this.socket.write(`\0AUTH EXTERNAL ${user}\r\n`);
    const greeting = await this.until(() => {
      const end = this.received.indexOf('\r\n');
      if (end < 0 && this.received.length > longestGreetingBytes)
        throw new Error('what answers is no bus');
      if (end < 0) return undefined;
      const line = this.received.toString('latin1', 0, end);
      this.received = this.received.subarray(end + 2);
      return line;
    });
    if (!greeting.startsWith('OK ')) throw new Error('the bus does not take this user');
    this.socket.write('BEGIN\r\n');
  }

  async call(call: MethodCall): Promise<readonly BusValue[]> {
    const serial = ++this.serial;
    this.socket.write(encodeCall(call, serial));
    const answer = await this.until(() => this.answerTo(serial));
    if (answer.type === messageTypes.answer) return answer.body;
    throw new Error(`${call.member} was refused: ${answer.errorName ?? 'without a reason'}`);
  }

  close(): void {
    this.failed ??= new Error('the connection was closed');
    this.socket.destroy();
  }

  /** Signals and answers to others are passed over. */
  private answerTo(serial: number): BusMessage | undefined {
    for (;;) {
      const header = parseHeader(this.received);
      const sizeBytes = header === undefined ? Infinity : header.headerBytes + header.bodyBytes;
      if (this.received.length < sizeBytes) return undefined;
      const message = decodeMessage(this.received.subarray(0, sizeBytes));
      this.received = this.received.subarray(sizeBytes);
      if (message.replySerial === serial) return message;
    }
  }

  /** Asks `look` again with each piece that comes, until it answers. */
  private until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        this.signal.removeEventListener('abort', onAbort);
        this.wake = undefined;
        settle();
      };
      const onAbort = (): void => end(() => reject(this.signal.reason as Error));
      const timer = setTimeout(
        () => end(() => reject(new Error(`no answer within ${answerTimeoutMs / 1000} s`))),
        answerTimeoutMs,
      );
      const wake = (): void => {
        try {
          const answer = look();
          if (answer !== undefined) end(() => resolve(answer));
          else if (this.failed !== undefined) throw this.failed;
        } catch (error) {
          end(() => reject(error instanceof Error ? error : new Error(String(error))));
        }
      };
      this.signal.addEventListener('abort', onAbort);
      if (this.signal.aborted) onAbort();
      else {
        this.wake = wake;
        wake();
      }
    });
  }

  private fail(error: Error): void {
    this.failed ??= error;
    this.wake?.();
  }
}
