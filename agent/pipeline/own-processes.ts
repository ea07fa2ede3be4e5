import { BoundedMap } from '../../base/bounded-map.js';
import { serviceManager } from '../../collectors/inventory/processes.js';

/** How the parent of a process can be looked up while it lives; undefined once it is gone. */
type ParentOf = (pid: number) => number | undefined;

/** The processes that run what the agent asked for. */
export interface Helpers {
  /** Whether there may be any, or were a moment ago; costs nothing. */
  mayRun(): boolean;
  /** Whether this is one; of one that is gone, whether it was noticed before. Reads a file of /proc. */
  has(pid: number): boolean;
}

const none: Helpers = { mayRun: () => false, has: () => false };

/**
 * Knows the agent and its descendants, so that the agent never reports itself, nor what the inventory process runs for it.
 *
 * 1. A child is known when it executes a program as the child of a known process. The chain of parents is walked only
 *    while the agent has had children lately, so that the usual case costs one set look-up.
 * 2. While an inventory may run, a process is known by its parent: below a stranger there are strangers. Files are read
 *    for the children of the service manager, for those of the inventory, and once for each process that was there before.
 */
export class OwnProcesses {
  private readonly known = new Set<number>();
  /** Whether a process runs for the agent in the inventory process, while one may run. */
  private helping: BoundedMap<number, boolean>;

  constructor(
    private readonly ownPid: number,
    private readonly parentOf: ParentOf,
    private readonly running: Helpers = none,
    private readonly limit = 1024,
  ) {
    this.helping = new BoundedMap(limit);
  }

  /** @param parentPid absent where only the process itself is told: then it is known, or it is not ours */
  isOwn(pid: number, parentPid: number | undefined): boolean {
    if (pid === this.ownPid || this.helps(pid, parentPid)) return true;
    // In a container of its own the agent may be process 1, whose children are the orphans of everybody.
    if (this.ownPid === 1) return false;
    if (parentPid === undefined) return this.isStillKnown(pid);
    if (parentPid === this.ownPid || this.isStillKnown(parentPid)) {
      this.remember(pid);
      return true;
    }
    if (this.known.size === 0) return false;
    this.known.delete(pid);
    let ancestor: number | undefined = parentPid;
    for (let depth = 0; depth < 16 && ancestor !== undefined && ancestor > 1; depth++) {
      if (ancestor === this.ownPid || this.known.has(ancestor)) {
        this.remember(pid);
        return true;
      }
      ancestor = this.parentOf(ancestor);
    }
    return false;
  }

  /** One that is gone is known by its parent, and its end by its pid, which one that lives may have by now. */
  private helps(pid: number, parentPid: number | undefined): boolean {
    if (!this.running.mayRun()) {
      // Their numbers are given to others.
      if (this.helping.size > 0) this.helping = new BoundedMap(this.limit);
      return false;
    }
    const hasParent = parentPid !== undefined && parentPid !== serviceManager;
    const isStranger = hasParent
      ? !this.isHelper(parentPid)
      : parentPid === undefined && this.helping.get(pid) === false;
    const mayBeOne = hasParent || this.helping.get(pid) === true;
    const isGone = (): boolean => this.parentOf(pid) === undefined;
    const helps = !isStranger && (this.running.has(pid) || (mayBeOne && isGone()));
    this.helping.set(pid, helps);
    return helps;
  }

  private isHelper(pid: number): boolean {
    const helps = this.helping.get(pid) ?? this.running.has(pid);
    // Whoever has many children is not forgotten because of them.
    this.helping.set(pid, helps);
    return helps;
  }

  /** Pids are used again: a live process below a stranger is not ours, whatever its number was before. */
  private isStillKnown(pid: number): boolean {
    if (!this.known.has(pid)) return false;
    const parent = this.parentOf(pid);
    if (parent === undefined || parent === this.ownPid || this.known.has(parent)) return true;
    this.known.delete(pid);
    return false;
  }

  private remember(pid: number): void {
    this.known.add(pid);
    if (this.known.size <= this.limit) return;
    for (const old of this.known) {
      if (this.parentOf(old) === undefined) this.known.delete(old);
    }
    for (const old of this.known) {
      if (this.known.size <= this.limit) break;
      this.known.delete(old);
    }
  }
}
