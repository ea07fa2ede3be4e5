import { constants } from 'node:os';
import type { Clock, Timer } from '../../base/clock.js';
import {
  type Libc,
  errnoText,
  socketTypes,
  addressFamilies,
} from '../../collectors/kernel/libc.js';
import { notificationText, type Notification, notifyAddress } from './notification.js';

interface NotifierOptions {
  readonly libc: Pick<Libc, 'socket' | 'send' | 'close'>;
  readonly clock: Clock;
  /** `$NOTIFY_SOCKET`. */
  readonly socketName: string;
  /** The service manager cannot be reached; said once. */
  readonly onProblem: (sentence: string) => void;
}

/** A full queue of the service manager empties soon; readiness must not be lost to it. */
const retryMs = 200;

/**
 * Tells systemd about the service by datagrams, without a program or a native module of its own. Never throws: a
 * service manager that does not listen is no reason to stop watching.
 */
export class Notifier {
  private waiting: Notification | undefined;
  private retry: Timer | undefined;
  private hasFailed = false;

  constructor(private readonly options: NotifierOptions) {}

  tell(notification: Notification): void {
    // What could not be sent yet goes along; what is said twice counts as said last.
    this.waiting = { ...this.waiting, ...notification };
    this.send();
  }

  stop(): void {
    this.retry?.cancel();
    this.retry = undefined;
  }

  private send(): void {
    const { clock, libc, socketName } = this.options;
    if (this.waiting === undefined) return;
    const address = notifyAddress(socketName);
    if (address === undefined) {
      this.fail(`${socketName} is neither a path nor an abstract name`);
      return;
    }
    const type = socketTypes.datagram | socketTypes.nonBlocking | socketTypes.closeOnExec;
    const fd = libc.socket(addressFamilies.unix, type, 0);
    const sent = fd < 0 ? fd : libc.send(fd, Buffer.from(notificationText(this.waiting)), address);
    if (fd >= 0) libc.close(fd);
    if (sent === -constants.errno.EAGAIN) {
      this.retry ??= clock.after(retryMs, () => {
        this.retry = undefined;
        this.send();
      });
      return;
    }
    this.waiting = undefined;
    if (sent < 0) this.fail(errnoText(sent));
  }

  private fail(reason: string): void {
    this.waiting = undefined;
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.options.onProblem(
      `The service manager cannot be told how the agent is: ${reason}. It may take the agent for hung.`,
    );
  }
}
