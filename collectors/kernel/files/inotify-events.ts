/** `uapi/linux/inotify.h`; the same on every architecture. */
export const inotifyBits = {
  modify: 0x2,
  attributes: 0x4,
  closeWrite: 0x8,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
  deleteSelf: 0x400,
  moveSelf: 0x800,
  unmount: 0x2000,
  overflow: 0x4000,
  ignored: 0x8000,
  onlyDirectories: 0x0100_0000,
  directory: 0x4000_0000,
} as const;

/** One `struct inotify_event`. */
export interface InotifyEvent {
  /** The number of the watch; -1 of an overflow. */
  readonly watch: number;
  readonly mask: number;
  /** The same in the two events of a rename, 0 otherwise. */
  readonly cookie: number;
  /** Of the entry in the watched directory; '' where the directory itself is meant. What is not UTF-8 is U+FFFD. */
  readonly name: string;
}

const headBytes = 16;

/**
 * What one read(2) of an inotify descriptor gave; numbers are in the byte order of the host, which is little-endian
 * wherever the agent runs. `torn`: it ends amid an event, or holds a name that is no name of a directory entry.
 */
export function parseInotify(bytes: Buffer): {
  readonly events: readonly InotifyEvent[];
  readonly torn: boolean;
} {
  const events: InotifyEvent[] = [];
  let torn = false;
  let at = 0;
  while (at < bytes.length) {
    const end = at + headBytes + (at + headBytes <= bytes.length ? bytes.readUInt32LE(at + 12) : 0);
    if (at + headBytes > bytes.length || end > bytes.length) return { events, torn: true };
    const zero = bytes.subarray(at + headBytes, end).indexOf(0);
    const name = bytes.toString('utf8', at + headBytes, zero < 0 ? end : at + headBytes + zero);
    if (name.includes('/') || name === '.' || name === '..') torn = true;
    else {
      const [watch, mask] = [bytes.readInt32LE(at), bytes.readUInt32LE(at + 4)];
      events.push({ watch, mask, cookie: bytes.readUInt32LE(at + 8), name });
    }
    at = end;
  }
  return { events, torn };
}
