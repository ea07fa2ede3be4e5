import { opendirSync, readdirSync, readlinkSync } from 'node:fs';
import type { Clock } from '../../../base/clock.js';
import { hasCode } from '../../../base/errors.js';
import type { Paths } from '../paths.js';
import { pidsAmong, socketInode } from '../processes/proc.js';

export interface SocketOwners {
  /** The owner by the inode of the socket. */
  readonly pidByInode: ReadonlyMap<number, number>;
  /** The name in /proc/PID/fd under which that owner holds it, by the inode. */
  readonly descriptorByInode: ReadonlyMap<number, string>;
  /** Processes whose descriptors may be seen only with CAP_SYS_PTRACE. */
  readonly forbiddenProcesses: number;
  /** True when there were more descriptors on the host than one look follows. */
  readonly cut: boolean;
  /** How long the event loop was held; what others did meanwhile does not count. */
  readonly heldMs: number;
}

export interface SearchBounds {
  /** How many descriptors are followed at most; 1,000,000 when absent. */
  readonly descriptors?: number;
  /** The only processes to look at; absent: all. */
  readonly pids?: readonly number[];
}

/** More links than this are not followed in one look: about 5 s of work. */
const mostDescriptors = 1_000_000;
/** How long the event loop is held before others get their turn. */
const sliceMs = 4;

/**
 * Finds the processes that hold the sockets `wanted`, by the links in /proc/PID/fd. Of several holders the lowest pid
 * counts, but process 1 only when it is the only one: it keeps the sockets that it hands over to services.
 * Stops early, with what was found, when `signal` is aborted.
 */
export async function findSocketOwners(
  paths: Paths,
  clock: Clock,
  wanted: ReadonlySet<number>,
  signal: AbortSignal,
  bounds: SearchBounds = {},
): Promise<SocketOwners> {
  const { descriptors: limit = mostDescriptors } = bounds;
  const pidByInode = new Map<number, number>();
  const descriptorByInode = new Map<number, string>();
  const isOver = (): boolean => pidByInode.size === wanted.size || signal.aborted;
  let forbiddenProcesses = 0;
  let looked = 0;
  const turn = new Turn(clock);
  const found = (): Omit<SocketOwners, 'cut'> => ({
    ...{ pidByInode, descriptorByInode, forbiddenProcesses },
    heldMs: turn.heldMs(),
  });
  const pids = [...(bounds.pids ?? pidsAmong(readdirSync(paths.procRoot)))];
  if (pids[0] === 1) pids.push(...pids.splice(0, 1));
  for (const pid of pids) {
    if (isOver()) break;
    const links = descriptorsOf(`${paths.procRoot}/${pid}/fd`);
    try {
      for (const [descriptor, link] of links) {
        if (++looked > limit) return { ...found(), cut: true };
        const inode = socketInode(link);
        if (inode !== undefined && wanted.has(inode) && !pidByInode.has(inode)) {
          pidByInode.set(inode, pid);
          descriptorByInode.set(inode, descriptor);
        }
        if (isOver()) break;
        await turn.pass();
      }
    } catch (error) {
      if (!isRefusal(error)) throw error;
      forbiddenProcesses++;
    }
    await turn.pass();
  }
  return { ...found(), cut: false };
}

/** Gives the event loop to others whenever it was held for a slice of time. */
export class Turn {
  private sinceMs: number;
  private heldBeforeMs = 0;

  constructor(private readonly clock: Clock) {
    this.sinceMs = clock.monotonicMs();
  }

  heldMs(): number {
    return this.heldBeforeMs + this.clock.monotonicMs() - this.sinceMs;
  }

  async pass(): Promise<void> {
    if (this.clock.monotonicMs() - this.sinceMs < sliceMs) return;
    this.heldBeforeMs = this.heldMs();
    await new Promise((resolve) => setImmediate(resolve));
    this.sinceMs = this.clock.monotonicMs();
  }
}

/** Names and targets of all links of a directory; what vanishes meanwhile is passed over. */
function* descriptorsOf(directory: string): Generator<readonly [string, string]> {
  const handle = unlessRefused(() => opendirSync(directory));
  if (handle === undefined) return;
  try {
    for (;;) {
      const entry = unlessRefused(() => handle.readSync());
      if (entry === undefined || entry === null) return;
      const link = unlessRefused(() => readlinkSync(`${directory}/${entry.name}`));
      if (link !== undefined) yield [entry.name, link];
    }
  } finally {
    handle.closeSync();
  }
}

/** One link that cannot be read must not hide the others: anybody can have one whose target is too long to be told. */
function unlessRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isRefusal(error)) throw error;
    return undefined;
  }
}

function isRefusal(error: unknown): boolean {
  return hasCode(error, 'EACCES', 'EPERM');
}
