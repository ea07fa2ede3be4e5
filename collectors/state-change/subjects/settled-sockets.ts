import type { ListeningSocket } from '../../kernel/sockets/proc-net.js';

/** So long a socket that may be about to go has to be there: a program that asks for a name has one for some seconds. */
const stayMs = 15_000;
/** From here on the kernel gives ports to whoever asks for any (`ip_local_port_range` of ip(7)). */
const firstGivenPort = 32_768;
const loopback = /^(?:7f[0-9a-f]{6}|0{31}1)$/u;
/** So long something may be gone and come back, as with the restart of a service, before it counts as gone. */
const mayReturnMs = 10_000;

/**
 * Tells sockets that somebody serves on from those that are about to go, by how long they are there.
 *
 * 1. A socket of TCP that listens counts at once, but on loopback with a port that the kernel gave, where programs talk to
 *    their own parts. That, and one of UDP, which is the same whether it asks or waits to be asked, counts when it was seen
 *    for `stayMs`; before that only where its end is known from the last look.
 * 2. What was known and is gone counts as there until it was missed for `mayReturnMs`.
 */
export class SettledSockets {
  /** When each socket that has to stay was seen first, by its inode. */
  private readonly since = new Map<number, number>();
  /** When each item was missed first. */
  private readonly missedSince = new Map<string, number>();
  private looked = false;

  /** Those that count, of all that are there. */
  settled(
    sockets: readonly ListeningSocket[],
    nowMs: number,
    isKnown: (socket: ListeningSocket) => boolean,
  ): readonly ListeningSocket[] {
    const present = new Set(sockets.map(({ inode }) => inode));
    for (const inode of this.since.keys()) if (!present.has(inode)) this.since.delete(inode);
    return sockets.filter((socket) => {
      if (countsAtOnce(socket)) return true;
      const sinceMs = this.since.get(socket.inode) ?? nowMs;
      this.since.set(socket.inode, sinceMs);
      return nowMs - sinceMs >= stayMs || isKnown(socket);
    });
  }

  /** The items of the last look that are gone and may return; at the first look of a run nothing does. */
  mayReturn(
    present: ReadonlySet<string>,
    known: Iterable<string> | undefined,
    nowMs: number,
  ): ReadonlySet<string> {
    for (const item of this.missedSince.keys())
      if (present.has(item)) this.missedSince.delete(item);
    const held = new Set<string>();
    if (this.looked) {
      for (const item of known ?? []) {
        if (present.has(item)) continue;
        const sinceMs = this.missedSince.get(item) ?? nowMs;
        this.missedSince.set(item, sinceMs);
        if (nowMs - sinceMs < mayReturnMs) held.add(item);
        else this.missedSince.delete(item);
      }
    }
    this.looked = true;
    return held;
  }

  /** In how many milliseconds something that is missed counts as gone; undefined when nothing is. */
  nextMs(nowMs: number): number | undefined {
    if (this.missedSince.size === 0) return undefined;
    return Math.max(0, Math.min(...this.missedSince.values()) + mayReturnMs - nowMs);
  }
}

function countsAtOnce({ addressHex, port, protocol }: ListeningSocket): boolean {
  return protocol.startsWith('tcp') && (port < firstGivenPort || !loopback.test(addressHex));
}
