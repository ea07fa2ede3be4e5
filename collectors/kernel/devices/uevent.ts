/** A device came, went or changed, as the kernel tells it (kobject uevent). */
export interface Uevent {
  /** `add`, `remove`, `change`, `move`, `online`, `offline`, `bind` or `unbind`. */
  readonly action: string;
  /** From the root of /sys on, with a slash before it. */
  readonly path: string;
  /** `usb`, `block`, `net` … */
  readonly subsystem: string;
  /** The medium of a drive was changed. */
  readonly mediumChanged: boolean;
}

/** The kernel's own buffer holds 2048 bytes of variables (`linux/kobject.h`); the line before them repeats the path. */
const longestMessage = 8192;
const mostVariables = 128;
const knownAction = /^[a-z]{1,16}$/u;

/**
 * The message of one datagram: `ACTION@PATH`, then `KEY=VALUE`, each ended by a zero byte. Undefined for what the kernel
 * does not write so.
 */
export function parseUevent(datagram: Buffer): Uevent | undefined {
  if (datagram.length > longestMessage || datagram.at(-1) !== 0) return undefined;
  const [head = '', ...variables] = datagram.toString('utf8', 0, datagram.length - 1).split('\0');
  const at = head.indexOf('@');
  const [action, path] = [head.slice(0, at), head.slice(at + 1)];
  if (at < 0 || !knownAction.test(action) || !path.startsWith('/')) return undefined;
  if (variables.length > mostVariables) return undefined;
  const valueOf = (key: string): string | undefined =>
    variables.find((variable) => variable.startsWith(`${key}=`))?.slice(key.length + 1);
  const subsystem = valueOf('SUBSYSTEM');
  if (valueOf('ACTION') !== action || valueOf('DEVPATH') !== path) return undefined;
  if (subsystem === undefined || subsystem === '') return undefined;
  return { action, path, subsystem, mediumChanged: valueOf('DISK_MEDIA_CHANGE') === '1' };
}
