import { type Device, known } from '../facts/device.js';
import type { Sysfs } from '../facts/sysfs.js';

/** Serial ports that are there: the kernel also names consoles that are none, and places for ports that nobody has. */
export async function serialPorts(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const name of await sysfs.list('class/tty')) {
    const at = `class/tty/${name}`;
    const place = await sysfs.place(at);
    if (place === undefined || place.startsWith('devices/virtual/')) continue;
    // PORT_UNKNOWN of `linux/serial_core.h`: no chip answered at this address.
    if ((await sysfs.text(`${at}/type`)) === '0') continue;
    const isUsb = /\/usb\d+\//u.test(place);
    found.push({
      category: 'Serial',
      subCategory: isUsb ? 'USB' : 'UART',
      name,
      details: known({ Driver: await portDriver(sysfs, at), Path: place }),
    });
  }
  return found;
}

/** Kernels since 6.5 have devices for the port and its controller between the terminal and the chip. */
async function portDriver(sysfs: Sysfs, at: string): Promise<string | undefined> {
  let drivers: string | undefined;
  for (const above of ['device', 'device/..', 'device/../..']) {
    const driver = await sysfs.linkName(`${at}/${above}/driver`);
    if (driver !== undefined) drivers = driver;
    if (driver !== undefined && driver !== 'port' && driver !== 'ctrl') return driver;
  }
  return drivers;
}
