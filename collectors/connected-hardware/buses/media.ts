import { type Device, known } from '../facts/device.js';
import type { Sysfs } from '../facts/sysfs.js';

/** Sound cards, cameras and other video devices, graphics cards. */
export async function media(sysfs: Sysfs): Promise<Device[]> {
  return [
    ...(await members(sysfs, 'class/sound', /^card\d+$/u, 'Sound', 'Card', 'id')),
    ...(await members(sysfs, 'class/video4linux', /^[a-z0-9-]+$/u, 'Video', 'Capture', 'name')),
    // `card0-HDMI-A-1` is an output of card0.
    ...(await members(sysfs, 'class/drm', /^card\d+$/u, 'Video', 'Graphics')),
  ];
}

async function members(
  sysfs: Sysfs,
  folder: string,
  pattern: RegExp,
  category: Device['category'],
  subCategory: string,
  nameAttribute?: string,
): Promise<Device[]> {
  const found: Device[] = [];
  for (const entry of await sysfs.list(folder)) {
    const at = `${folder}/${entry}`;
    const place = pattern.test(entry) ? await sysfs.place(at) : undefined;
    if (place === undefined) continue;
    const name =
      nameAttribute === undefined ? undefined : await sysfs.text(`${at}/${nameAttribute}`);
    found.push({
      category,
      subCategory,
      name: name ?? entry,
      details: known({
        Description: entry,
        Driver: await sysfs.linkName(`${at}/device/driver`),
        Path: place,
        Virtual: place.startsWith('devices/virtual/') ? 'true' : undefined,
      }),
    });
  }
  return found;
}
