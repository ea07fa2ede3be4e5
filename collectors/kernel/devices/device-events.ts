import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import { errnoText, type Libc } from '../libc.js';
import { netlinkProtocols, openNetlink, setReceiveBuffer } from '../netlink.js';
import type { KernelReader } from '../reader.js';
import { parseUevent, type Uevent } from './uevent.js';

/** Devices as they come, go and change. */
export interface DeviceEvents {
  /** Every event from then on is told. */
  subscribe(subscriber: DeviceEventSubscriber): Promise<DeviceEventSubscription | Unavailable>;
}

export interface DeviceEventSubscriber {
  /** Must not throw. */
  readonly onEvent: (event: Uevent) => void;
  /** Events were lost, which may have been of any device. */
  readonly onMissed: () => void;
  readonly lose: ReportLoss;
  /** The kernel tells no more, and the subscription ended. */
  readonly onFailed: (error: Error) => void;
}

export interface DeviceEventSubscription {
  /** Never throws. */
  end(): void;
}

interface DeviceEventsOptions {
  readonly libc: Libc;
  readonly reader: Pick<KernelReader, 'add' | 'remove' | 'drain'>;
  /** A socket that systemd opened (`ListenNetlink=kobject-uevent 1`). */
  readonly handedOver?: number;
}

/** The first group is the kernel's; the second is that of udev, which tells a user's programs. */
const kernelGroup = 1;
/** Some hundred events: a hub with all its devices. What a start of the machine tells is not waited for. */
const receiveBufferBytes = 256 * 1024;
/** As many as the buffer holds, of the shortest. */
const mostOldTurns = 16;

/**
 * The kernel's news of devices (NETLINK_KOBJECT_UEVENT).
 *
 * 1. One socket at most is read, and only while somebody listens.
 * 2. Only the kernel is believed; what else arrives counts as unparsed.
 * 3. What waited from before the subscription is not told: whoever subscribes looks at what is there.
 */
export class KernelDeviceEvents implements DeviceEvents {
  private readonly subscribers = new Set<DeviceEventSubscriber>();
  private fd: number | undefined;
  private handedOver: number | undefined;

  constructor(private readonly options: DeviceEventsOptions) {
    this.handedOver = options.handedOver;
  }

  subscribe(subscriber: DeviceEventSubscriber): Promise<DeviceEventSubscription | Unavailable> {
    if (this.fd === undefined) {
      const refused = this.open();
      if (refused !== undefined) return Promise.resolve(refused);
    }
    this.subscribers.add(subscriber);
    return Promise.resolve({
      end: () => {
        if (this.subscribers.delete(subscriber) && this.subscribers.size === 0) this.release();
      },
    });
  }

  private open(): Unavailable | undefined {
    const { libc, reader } = this.options;
    let fd = this.handedOver;
    if (fd === undefined) {
      const opened = openNetlink(libc, netlinkProtocols.kobjectUevent, kernelGroup);
      if ('errno' in opened) {
        return {
          unavailable: `The kernel does not tell which devices come and go: ${errnoText(opened.errno)}.`,
        };
      }
      fd = opened.fd;
    }
    setReceiveBuffer(libc, fd, receiveBufferBytes);
    const socket = fd;
    reader.add(socket, {
      readable: () => this.read(socket),
      failed: (reason) => this.fail(reason),
    });
    this.fd = socket;
    for (let turn = 0; turn < mostOldTurns; turn++) {
      if (!reader.drain(socket, () => undefined).more) break;
    }
    return undefined;
  }

  private read(fd: number): 'drained' | 'more' {
    const drained = this.options.reader.drain(fd, ({ bytes, senderPortId, truncated }) => {
      const event = senderPortId === 0 && !truncated ? parseUevent(bytes) : undefined;
      for (const { onEvent, lose } of this.subscribers) {
        if (event === undefined) lose('unparsed', 1);
        else onEvent(event);
      }
    });
    if (drained.overflowed) {
      for (const { onMissed, lose } of this.subscribers) {
        lose('socketOverflow', 1);
        onMissed();
      }
    }
    return drained.more ? 'more' : 'drained';
  }

  private fail(reason: string): void {
    const failed = [...this.subscribers];
    this.subscribers.clear();
    this.release();
    // One that broke is not tried again: the agent may open its own.
    this.handedOver = undefined;
    const error = new Error(`The kernel's news of devices ended: ${reason}.`);
    for (const { onFailed } of failed) onFailed(error);
  }

  private release(): void {
    const { fd } = this;
    if (fd === undefined) return;
    this.fd = undefined;
    this.options.reader.remove(fd);
    if (fd !== this.handedOver) this.options.libc.close(fd);
  }
}
