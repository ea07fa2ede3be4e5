import { BoundedMap } from '../../../base/bounded-map.js';
import type { Clock } from '../../../base/clock.js';
import type { Paths } from '../paths.js';
import { readSocketInode } from '../processes/proc.js';

interface Known {
  readonly inode: number;
  readonly atMs: number;
}

const mostKnown = 1024;
/** A burst of calls on one descriptor needs one look. */
const freshMs = 50;
/** How long the socket of a descriptor is believed after the descriptor is closed, or its process is gone. */
const keptMs = 10_000;

/**
 * On which sockets processes accept, for audited calls, which name a descriptor.
 *
 * 1. A descriptor that is another socket now is believed to be that one.
 * 2. One that cannot be looked at any more is what it was at the last look, for `keptMs`, and unknown otherwise.
 */
export class AcceptingSockets {
  private readonly known = new BoundedMap<string, Known>(mostKnown);

  constructor(
    private readonly paths: Paths,
    private readonly clock: Clock,
  ) {}

  /** The inode of the socket; reads one link of /proc. */
  inodeOf(pid: number, descriptor: number): number | undefined {
    const nowMs = this.clock.monotonicMs();
    const key = `${pid} ${descriptor}`;
    const known = this.known.get(key);
    if (known !== undefined && known.atMs > nowMs - freshMs) return known.inode;
    const inode = readSocketInode(this.paths, pid, descriptor);
    if (inode === undefined)
      return known !== undefined && known.atMs > nowMs - keptMs ? known.inode : undefined;
    this.known.set(key, { inode, atMs: nowMs });
    return inode;
  }
}
