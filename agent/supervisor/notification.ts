import { printable } from '../../base/text.js';
import { addressFamilies } from '../../collectors/kernel/libc.js';

/** What a service tells systemd about itself, sd_notify(3). */
export interface Notification {
  readonly ready?: true;
  readonly stopping?: true;
  /** Feeds the watchdog. */
  readonly watchdog?: true;
  /** One short line, shown by `systemctl status`. */
  readonly status?: string;
  /** From now on this long until the start or the stop counts as hung. */
  readonly extendTimeoutMs?: number;
}

const longestStatus = 200;
/** `sun_path` of unix(7). */
const longestPathBytes = 108;

/** The datagram: one assignment a line. */
export function notificationText(notification: Notification): string {
  const { ready, stopping, watchdog, status, extendTimeoutMs } = notification;
  return [
    ...(ready ? ['READY=1'] : []),
    ...(stopping ? ['STOPPING=1'] : []),
    ...(watchdog ? ['WATCHDOG=1'] : []),
    ...(status === undefined ? [] : [`STATUS=${printable(status, longestStatus)}`]),
    ...(extendTimeoutMs === undefined
      ? []
      : [`EXTEND_TIMEOUT_USEC=${Math.round(extendTimeoutMs * 1000)}`]),
  ].join('\n');
}

/**
 * The `struct sockaddr_un` of `$NOTIFY_SOCKET`: a path, or a name of the abstract namespace, which is written with `@`
 * and begins with a zero byte in truth. Undefined for what a datagram socket of this family cannot reach.
 */
export function notifyAddress(name: string): Buffer | undefined {
  const isAbstract = name.startsWith('@');
  if ((!isAbstract && !name.startsWith('/')) || name.length < 2) return undefined;
  const path = Buffer.from(isAbstract ? `\0${name.slice(1)}` : `${name}\0`);
  if (path.length > longestPathBytes) return undefined;
  const address = Buffer.alloc(2 + path.length);
  address.writeUInt16LE(addressFamilies.unix, 0);
  path.copy(address, 2);
  return address;
}
