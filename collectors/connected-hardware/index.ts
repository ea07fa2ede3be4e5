import type { Payload } from '../../contract/events.js';
import type { SnapshotCollector } from '../interface/collector.js';
import { disks } from './buses/disks.js';
import { inputDevices } from './buses/input.js';
import { media } from './buses/media.js';
import { networkCards } from './buses/network.js';
import { pciDevices } from './buses/pci.js';
import { pins } from './buses/pins.js';
import { serialPorts } from './buses/serial.js';
import { usbDevices } from './buses/usb.js';
import { watchHardware } from './hot-plug.js';
import { categories, type Device } from './facts/device.js';
import { Sysfs } from './facts/sysfs.js';

/** More than any device has; what is beyond is counted. */
const mostDevices = 3_000;

/**
 * The hardware that the kernel shows in /sys. One thing may be told more than once, by what it is: a USB stick is a
 * device on USB and a disk, and `Path` shows that one lies within the other.
 */
export const connectedHardware: SnapshotCollector<'ConnectedHardware'> = {
  kind: 'snapshot',
  name: 'ConnectedHardware',
  watch: watchHardware,
  async collect({ host, signal, lose, setSource }) {
    const { paths } = host;
    const sysfs = new Sysfs(paths.sysRoot, signal);
    if (!(await sysfs.has('class')) && !(await sysfs.has('bus'))) {
      return { unavailable: `${paths.sysRoot} shows no devices; is it mounted?` };
    }
    const found = [
      ...(await usbDevices(sysfs, paths, signal)),
      ...(await pciDevices(sysfs, paths, signal)),
      ...(await disks(sysfs)),
      ...(await networkCards(sysfs)),
      ...(await media(sysfs)),
      ...(await serialPorts(sysfs)),
      ...(await inputDevices(sysfs)),
      ...(await pins(sysfs)),
    ].sort((a, b) => categories.indexOf(a.category) - categories.indexOf(b.category));
    const beyond = sysfs.beyond + Math.max(0, found.length - mostDevices);
    if (beyond > 0) lose('unparsed', beyond);
    setSource({
      source: 'sysfs',
      ...(sysfs.forbidden > 0 && {
        limitation: `${sysfs.forbidden} folders of ${paths.sysRoot} may not be read by this user; what they hold is not told.`,
      }),
    });
    return found.slice(0, mostDevices).map(toPayload);
  },
};

function toPayload({ category, subCategory, name, details }: Device): Payload<'ConnectedHardware'> {
  const { Path } = details;
  return {
    HardwareCategory: category,
    HardwareSubCategory: subCategory,
    HardwareName: name,
    ExtraDetails: { ...details, ...(Path !== undefined && { Path: `/sys/${Path}` }) },
  };
}
