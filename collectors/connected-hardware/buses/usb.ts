import type { Paths } from '../../kernel/paths.js';
import { usbClass } from '../facts/class-names.js';
import { type Device, known } from '../facts/device.js';
import { type DeviceId, readIdNames } from '../facts/id-names.js';
import type { Sysfs } from '../facts/sysfs.js';

const bus = 'bus/usb/devices';

/** The devices on USB, root hubs too. Their interfaces, `1-1.3:1.0`, tell what a device is. */
export async function usbDevices(sysfs: Sysfs, paths: Paths, signal: AbortSignal) {
  const names = await sysfs.list(bus);
  const found: (Omit<Device, 'name' | 'details'> & { id: DeviceId; read: Strings })[] = [];
  for (const name of names) {
    if (name.includes(':')) continue;
    const at = `${bus}/${name}`;
    const [vendor, product] = [
      await hex(sysfs, `${at}/idVendor`),
      await hex(sysfs, `${at}/idProduct`),
    ];
    if (vendor === undefined || product === undefined) continue;
    const classes = [await sysfs.text(`${at}/bDeviceClass`)];
    for (const other of names) {
      if (!other.startsWith(`${name}:`)) continue;
      classes.push(await sysfs.text(`${bus}/${other}/bInterfaceClass`));
    }
    const read = await readStrings(sysfs, at, await interfaceDriver(sysfs, names, name));
    found.push({ category: 'USB', subCategory: usbClass(classes), id: { vendor, product }, read });
  }
  const ids = await readIdNames(
    paths,
    'usb.ids',
    found.map(({ id }) => id),
    signal,
  );
  return found.map(({ category, subCategory, id, read }): Device => {
    const listed = ids.productOf(id);
    const { product, manufacturer, ...rest } = read;
    return {
      category,
      subCategory,
      name: listed ?? product ?? `${id.vendor}:${id.product}`,
      details: known({
        Manufacturer: ids.vendorOf(id) ?? manufacturer,
        Description: listed === undefined ? undefined : product,
        VendorId: id.vendor,
        ProductId: id.product,
        ...rest,
      }),
    };
  });
}

interface Strings {
  readonly product: string | undefined;
  readonly manufacturer: string | undefined;
  readonly Serial: string | undefined;
  readonly Removable: string | undefined;
  readonly Driver: string | undefined;
  readonly Path: string | undefined;
}

async function readStrings(sysfs: Sysfs, at: string, driver: string | undefined): Promise<Strings> {
  const removable = await sysfs.text(`${at}/removable`);
  return {
    product: await sysfs.text(`${at}/product`),
    manufacturer: await sysfs.text(`${at}/manufacturer`),
    Serial: await sysfs.text(`${at}/serial`),
    // `unknown` where the firmware does not say what is plugged and what is soldered.
    Removable: removable === 'removable' ? 'true' : removable === 'fixed' ? 'false' : undefined,
    Driver: driver,
    Path: await sysfs.place(at),
  };
}

/** The driver of the device itself is `usb` for all; those of its interfaces say who serves it. */
async function interfaceDriver(
  sysfs: Sysfs,
  names: readonly string[],
  name: string,
): Promise<string | undefined> {
  const drivers = new Set<string>();
  for (const other of names) {
    const isOwn = other.startsWith(`${name}:`) || isRootInterface(other, name);
    const driver = isOwn ? await sysfs.linkName(`${bus}/${other}/driver`) : undefined;
    if (driver !== undefined) drivers.add(driver);
  }
  return drivers.size === 0 ? undefined : [...drivers].join(', ');
}

/** The interface of the root hub `usb1` is `1-0:1.0`. */
function isRootInterface(other: string, name: string): boolean {
  return name.startsWith('usb') && other.startsWith(`${name.slice(3)}-0:`);
}

async function hex(sysfs: Sysfs, path: string): Promise<string | undefined> {
  const text = (await sysfs.text(path))?.toLowerCase();
  return text !== undefined && /^[0-9a-f]{4}$/u.test(text) ? text : undefined;
}
