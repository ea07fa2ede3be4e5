import type { Unavailable } from '../../base/unavailable.js';
import type { RunningCollector, WatchContext } from '../interface/collector.js';
import { whileSubscribed } from '../interface/while-subscribed.js';
import type { Uevent } from '../kernel/devices/uevent.js';

/** Of what the snapshot tells. Queues, slots of hubs and the like come with these, and are none of it. */
const subsystems = new Set([
  ...['usb', 'pci', 'block', 'mmc', 'mtd', 'nvme', 'scsi', 'net', 'bluetooth'],
  ...['sound', 'tty', 'usb-serial', 'video4linux', 'drm', 'input', 'hid', 'gpio', 'i2c', 'spi'],
]);
const actions = new Set(['add', 'remove', 'move', 'bind', 'unbind']);

/** Whether a device of the snapshot came or went, or has another name, driver or medium. */
export function changesHardware({ action, path, subsystem, mediumChanged }: Uevent): boolean {
  if (!subsystems.has(subsystem)) return false;
  // A loop device is there always; that it gets a file is a change of it.
  return actions.has(action) || mediumChanged || path.startsWith('/devices/virtual/block/loop');
}

/** Notices devices that come and go, through the kernel's own news of them. */
export async function watchHardware(
  context: WatchContext,
): Promise<RunningCollector | Unavailable> {
  const { host, lose, changed, fail } = context;
  const subscription = await host.deviceEvents.subscribe({
    onEvent: (event) => {
      if (changesHardware(event)) changed();
    },
    onMissed: changed,
    lose,
    onFailed: fail,
  });
  return whileSubscribed(subscription);
}
