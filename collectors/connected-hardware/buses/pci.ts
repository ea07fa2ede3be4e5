import type { Paths } from '../../kernel/paths.js';
import { pciClass } from '../facts/class-names.js';
import { type Device, known } from '../facts/device.js';
import { type DeviceId, readIdNames } from '../facts/id-names.js';
import type { Sysfs } from '../facts/sysfs.js';

const bus = 'bus/pci/devices';

/** The functions on PCI. */
export async function pciDevices(sysfs: Sysfs, paths: Paths, signal: AbortSignal) {
  const found: { id: DeviceId; kind: string; driver?: string; place?: string }[] = [];
  for (const name of await sysfs.list(bus)) {
    const at = `${bus}/${name}`;
    const vendor = idOf(await sysfs.text(`${at}/vendor`));
    const product = idOf(await sysfs.text(`${at}/device`));
    if (vendor === undefined || product === undefined) continue;
    const driver = await sysfs.linkName(`${at}/driver`);
    const place = await sysfs.place(at);
    found.push({
      id: { vendor, product },
      kind: pciClass(await sysfs.text(`${at}/class`)),
      ...(driver !== undefined && { driver }),
      ...(place !== undefined && { place }),
    });
  }
  const ids = await readIdNames(
    paths,
    'pci.ids',
    found.map(({ id }) => id),
    signal,
  );
  return found.map(({ id, kind, driver, place }): Device => ({
    category: 'PCI',
    subCategory: kind,
    name: ids.productOf(id) ?? `${id.vendor}:${id.product}`,
    details: known({
      Manufacturer: ids.vendorOf(id),
      VendorId: id.vendor,
      ProductId: id.product,
      Driver: driver,
      Path: place,
    }),
  }));
}

/** `0x8086` as `8086`. */
function idOf(text: string | undefined): string | undefined {
  return /^0x([0-9a-f]{4})$/iu.exec(text ?? '')?.[1]?.toLowerCase();
}
