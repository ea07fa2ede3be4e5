import { isUnavailable } from '../../../base/unavailable.js';
import type { Payload } from '../../../contract/events.js';
import { watchHardware } from '../../connected-hardware/hot-plug.js';
import { connectedHardware } from '../../connected-hardware/index.js';
import type { Subject } from '../../interface/state-subject.js';

/** The hardware of `ConnectedHardware`, and devices that the kernel made; also those of others: a loop device, a bridge. */
export const device: Subject = {
  name: 'Device',
  watch: (context) => watchHardware({ ...context, changed: () => context.changed() }),
  async look({ host, lose, signal }) {
    const found = await connectedHardware.collect({
      ...{ host, lose, signal },
      setSource: () => undefined,
    });
    return isUnavailable(found) ? found : deviceItems(found);
  },
};

/**
 * `Network /sys/devices/virtual/net/br0` with `Ethernet br0, virtual`. The address of a device that the kernel made is left
 * out: that of a bridge becomes another with what is connected to it.
 */
export function deviceItems(
  devices: readonly Payload<'ConnectedHardware'>[],
): ReadonlyMap<string, string> {
  const items = new Map<string, string>();
  for (const { HardwareCategory, HardwareSubCategory, HardwareName, ExtraDetails } of devices) {
    const { Address, Driver, Manufacturer, Path, ReadOnly, Serial, SizeBytes, Virtual } =
      ExtraDetails ?? {};
    const isVirtual = Virtual === 'true';
    const about = (name: string, value: string | undefined): string[] =>
      value === undefined ? [] : [`${name} ${value}`];
    const text = [
      `${HardwareSubCategory} ${HardwareName}`,
      ...(isVirtual ? ['virtual'] : []),
      ...about('of', Manufacturer),
      ...about('serial', Serial),
      ...(isVirtual ? [] : about('address', Address)),
      ...about('bytes', SizeBytes),
      ...(ReadOnly === 'true' ? ['read-only'] : []),
      ...about('driver', Driver),
    ].join(', ');
    const item = `${HardwareCategory} ${Path ?? HardwareName}`;
    const other = items.get(item);
    items.set(item, other === undefined ? text : `${other}; ${text}`);
  }
  return items;
}
