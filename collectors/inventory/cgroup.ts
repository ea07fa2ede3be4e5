/**
 * Whether a process is one of the inventory, by its `/proc/PID/cgroup`: in a unit of the system that only root can start.
 * A manager of a user's services could name a unit so, too, but not in this slice.
 */
export function isOfInventory(cgroups: string): boolean {
  return /^\d+:(?:name=systemd)?:\/system\.slice\/(?:[^/\n]+\.slice\/)?iot-security-agent-inventory-[a-z-]+@[^/\n]+\.service$/m.test(
    cgroups,
  );
}
