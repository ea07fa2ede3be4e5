/** How the parent of a process can be looked up while it lives; undefined once it is gone. */
type ParentOf = (pid: number) => number | undefined;

/** The processes that run what the agent asked for. */
export interface Helpers {
  /** Whether there may be any, or were a moment ago; costs nothing. */
  mayRun(): boolean;
  /** Whether this is one; false once it is gone. */
  has(pid: number): boolean;
}

const none: Helpers = { mayRun: () => false, has: () => false };

/**
 * Knows the agent and its descendants, so that the agent never reports itself, nor what the inventory process runs for it.
 *
 * A child is known when it executes a program as the child of a known process. The chain of parents is walked only
 * while the agent has had children lately, so that the usual case costs one set look-up.
 */
export class OwnProcesses {
  private readonly known = new Set<number>();
  private readonly helpers = new Set<number>();

  constructor(
    private readonly ownPid: number,
    private readonly parentOf: ParentOf,
    private readonly running: Helpers = none,
    private readonly limit = 1024,
  ) {}

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
      if (this.helpers.size > 0) this.helpers.clear();
      return false;
    }
    const byItself = this.running.has(pid);
    const byParent =
      parentPid !== undefined && (this.running.has(parentPid) || this.helpers.has(parentPid));
    const isGone = (): boolean => this.parentOf(pid) === undefined;
    const helps = byItself || ((byParent || this.helpers.has(pid)) && isGone());
    if (!helps) {
      this.helpers.delete(pid);
      return false;
    }
    this.helpers.add(pid);
    // The oldest first.
    for (const old of this.helpers) {
      if (this.helpers.size <= this.limit) break;
      this.helpers.delete(old);
    }
    return true;
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
