import { addressText } from '../../kernel/address.js';
import type { ListeningSocket } from '../../kernel/sockets/proc-net.js';

/** Who holds a socket: its process, and the program that ran when the socket was first seen. */
export interface Holder {
  readonly pid: number;
  readonly executable?: string;
}

/** What is known of one end on which somebody listens. */
export interface ListeningItem {
  readonly text: string;
  /** Of the process with the lowest pid of those that are known. */
  readonly holder?: Holder;
  readonly uid: number;
}

/** `tcp 0.0.0.0:22`, `tcp6 [::]:22` */
export function itemOf({ protocol, addressHex, port }: ListeningSocket): string {
  const address = addressText(addressHex);
  return `${protocol} ${address.includes(':') ? `[${address}]` : address}:${port}`;
}

/**
 * The ends with who listens there, `/usr/sbin/sshd, user root`; of several programs or users all, in order. A program that
 * cannot be seen is the one that was known for the same user: not to see it is no change.
 *
 * @param known the texts of the last look
 */
export function listeningItems(
  sockets: readonly ListeningSocket[],
  holders: ReadonlyMap<number, Holder>,
  userOf: (uid: number) => string,
  known: ReadonlyMap<string, string> | undefined,
): ReadonlyMap<string, ListeningItem> {
  const texts = new Map<string, Set<string>>();
  const items = new Map<string, ListeningItem>();
  for (const socket of sockets) {
    const item = itemOf(socket);
    const holder = holders.get(socket.inode);
    const user = `, user ${userOf(socket.uid)}`;
    const before = known?.get(item)?.split('; ');
    const text =
      holder?.executable === undefined
        ? (before?.find((one) => one.endsWith(user)) ?? `program not known${user}`)
        : `${holder.executable}${user}`;
    const all = texts.get(item) ?? new Set();
    texts.set(item, all.add(text));
    const other = items.get(item);
    const first =
      (other?.holder?.pid ?? Infinity) < (holder?.pid ?? Infinity) ? other?.holder : holder;
    items.set(item, {
      text: [...all].sort().join('; '),
      ...(first !== undefined && { holder: first }),
      uid: other === undefined || first === holder ? socket.uid : other.uid,
    });
  }
  return items;
}
