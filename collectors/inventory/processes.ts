import { BoundedMap } from '../../base/bounded-map.js';
import { isOfInventory } from './cgroup.js';

/** More than run at one time, by far. */
const mostNoticed = 256;

/** What systemd starts is in its own group first; only its children are in one that is not their parent's. */
export const serviceManager = 1;

interface InventoryProcessesOptions {
  /** Whether there may be any, or were a moment ago; costs nothing. */
  readonly mayRun: () => boolean;
  /** The text of `/proc/PID/cgroup`; undefined for a process that is gone. Reads a file. */
  readonly cgroupsOf: (pid: number) => string | undefined;
}

/**
 * The processes that run what the agent asked the inventory for.
 *
 * 1. One that lives is known by its control group, which only root gives it.
 * 2. One that is gone is known when it was noticed while it lived: what is told of a program may wait for its hash for
 *    longer than the program runs.
 * 3. None is known for longer than there may be any, because pids are used again.
 */
export class InventoryProcesses {
  private noticed = new BoundedMap<number, true>(mostNoticed);

  constructor(private readonly options: InventoryProcessesOptions) {}

  mayRun(): boolean {
    const may = this.options.mayRun();
    if (!may && this.noticed.size > 0) this.noticed = new BoundedMap(mostNoticed);
    return may;
  }

  /**
   * To be called for a program as soon as it is seen; does nothing while there can be none. Only the children of the
   * service manager are looked at: the others are known by their parent.
   */
  notice(pid: number, parentPid: number | undefined): void {
    if (parentPid !== serviceManager || !this.mayRun()) return;
    if (isOfInventory(this.options.cgroupsOf(pid) ?? '')) this.noticed.set(pid, true);
  }

  has(pid: number): boolean {
    const cgroups = this.options.cgroupsOf(pid);
    return cgroups === undefined ? this.noticed.get(pid) === true : isOfInventory(cgroups);
  }
}
