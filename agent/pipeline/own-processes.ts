/** How the parent of a process can be looked up while it lives; undefined once it is gone. */
type ParentOf = (pid: number) => number | undefined;

/**
 * Knows the agent and its descendants, so that the agent never reports itself.
 *
 * A child is known when it executes a program as the child of a known process. The chain of parents is walked only
 * while the agent has had children lately, so that the usual case costs one set look-up.
 */
export class OwnProcesses {
  private readonly known = new Set<number>();

  constructor(
    private readonly ownPid: number,
    private readonly parentOf: ParentOf,
    private readonly limit = 1024,
  ) {}

  /** @param parentPid absent where only the process itself is told: then it is known, or it is not ours */
  isOwn(pid: number, parentPid: number | undefined): boolean {
    if (pid === this.ownPid) return true;
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
