import { type Device, known } from '../facts/device.js';
import type { Sysfs } from '../facts/sysfs.js';

const sectorBytes = 512;

/**
 * Disks, cards, flash and what is stacked on them; not their partitions, nor memory that acts as a disk, nor loop
 * devices without a file.
 */
export async function disks(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const name of await sysfs.list('block')) {
    const at = `block/${name}`;
    const place = await sysfs.place(at);
    if (place === undefined || /^(?:ram|zram)\d/u.test(name)) continue;
    const sectors = await sysfs.text(`${at}/size`);
    const hasMedium = sectors !== undefined && /^[1-9]\d{0,14}$/u.test(sectors);
    if (name.startsWith('loop') && !hasMedium) continue;
    const card = await sysfs.text(`${at}/device/type`);
    const model =
      (await sysfs.text(`${at}/device/model`)) ?? (await sysfs.text(`${at}/device/name`));
    const mapped = await sysfs.text(`${at}/dm/name`);
    const removable = await sysfs.text(`${at}/removable`);
    found.push({
      category: 'Disk',
      subCategory: kindOf(name, place, card),
      name: mapped ?? model ?? name,
      details: known({
        Manufacturer: vendorOf(await sysfs.text(`${at}/device/vendor`)),
        Description: name,
        SizeBytes: hasMedium ? String(Number(sectors) * sectorBytes) : undefined,
        Serial: (await sysfs.text(`${at}/serial`)) ?? (await sysfs.text(`${at}/device/serial`)),
        Removable: removable === '1' ? 'true' : removable === '0' ? 'false' : undefined,
        ReadOnly: (await sysfs.text(`${at}/ro`)) === '1' ? 'true' : undefined,
        Driver: await driverOf(sysfs, at),
        Path: place,
        Virtual: place.startsWith('devices/virtual/') ? 'true' : undefined,
      }),
    });
  }
  return [...found, ...(await flash(sysfs))];
}

/** Raw flash; each partition of it is a device of its own. `mtd0ro` is `mtd0` again. */
async function flash(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const name of await sysfs.list('class/mtd')) {
    if (!/^mtd\d+$/u.test(name)) continue;
    const at = `class/mtd/${name}`;
    const place = await sysfs.place(at);
    if (place === undefined) continue;
    const size = await sysfs.text(`${at}/size`);
    found.push({
      category: 'Disk',
      subCategory: 'Flash',
      name: (await sysfs.text(`${at}/name`)) ?? name,
      details: known({
        Description: name,
        SizeBytes: size !== undefined && /^\d{1,15}$/u.test(size) ? size : undefined,
        Path: place,
      }),
    });
  }
  return found;
}

/** The driver of the nearest device that has one: a namespace of NVMe, or a part of an eMMC, has none of its own. */
async function driverOf(sysfs: Sysfs, at: string): Promise<string | undefined> {
  for (const device of [`${at}/device`, `${at}/device/device`]) {
    const driver = await sysfs.linkName(`${device}/driver`);
    if (driver !== undefined) return driver;
  }
  return undefined;
}

/** On virtio and PCI the file tells an id. */
function vendorOf(text: string | undefined): string | undefined {
  return text === undefined || text.startsWith('0x') ? undefined : text;
}

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^dm-/u, 'Mapped'],
  [/^md/u, 'RAID'],
  [/^loop/u, 'Loop'],
  [/^nbd|^rbd|^drbd/u, 'Network block device'],
  [/^sr/u, 'Optical'],
  [/^fd\d/u, 'Floppy'],
  [/^nvme/u, 'NVMe'],
  [/^ubiblock|^mtdblock/u, 'Flash'],
  [/^mmcblk/u, 'Card'],
  [/^vd|^xvd/u, 'Virtual disk'],
];

function kindOf(name: string, place: string, card: string | undefined): string {
  if (name.startsWith('mmcblk') && card === 'SD') return 'SD card';
  if (name.startsWith('mmcblk') && (card === 'MMC' || /boot\d|rpmb/u.test(name))) return 'eMMC';
  const kind = kinds.find(([pattern]) => pattern.test(name))?.[1];
  if (kind !== undefined) return kind;
  if (/\/usb\d+\//u.test(place)) return 'USB';
  if (/\/ata\d+\//u.test(place)) return 'ATA';
  return name.startsWith('sd') ? 'SCSI' : 'Other';
}
