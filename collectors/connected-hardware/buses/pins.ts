import { basename, dirname } from 'node:path';
import { type Device, known } from '../facts/device.js';
import type { Sysfs } from '../facts/sysfs.js';

/** GPIO chips, and the adapters and devices of I²C and SPI. */
export async function pins(sysfs: Sysfs): Promise<Device[]> {
  return [...(await gpioChips(sysfs)), ...(await i2c(sysfs)), ...(await spi(sysfs))];
}

/** Their labels stand in the older class, where the kernel has it, below the same parent. */
async function gpioChips(sysfs: Sysfs): Promise<Device[]> {
  const labels = new Map<string, { label?: string; lines?: string }>();
  for (const entry of await sysfs.list('class/gpio')) {
    const place = await sysfs.place(`class/gpio/${entry}`);
    if (place === undefined || !entry.startsWith('gpiochip')) continue;
    const label = await sysfs.text(`class/gpio/${entry}/label`);
    const lines = await sysfs.text(`class/gpio/${entry}/ngpio`);
    labels.set(dirname(dirname(place)), {
      ...(label !== undefined && { label }),
      ...(lines !== undefined && { lines }),
    });
  }
  const found: Device[] = [];
  for (const entry of await sysfs.list('bus/gpio/devices')) {
    const place = await sysfs.place(`bus/gpio/devices/${entry}`);
    if (place === undefined) continue;
    const { label, lines } = labels.get(dirname(place)) ?? {};
    found.push({
      category: 'GPIO',
      subCategory: 'Chip',
      name: label ?? basename(dirname(place)),
      details: known({
        Description: lines === undefined ? entry : `${entry}, ${lines} lines`,
        Driver: await sysfs.linkName(`${dirname(place)}/driver`),
        Path: place,
      }),
    });
  }
  return found;
}

async function i2c(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const entry of await sysfs.list('bus/i2c/devices')) {
    const at = `bus/i2c/devices/${entry}`;
    const place = await sysfs.place(at);
    if (place === undefined) continue;
    found.push({
      category: 'I2C',
      subCategory: /^i2c-\d+$/u.test(entry) ? 'Adapter' : 'Device',
      name: (await sysfs.text(`${at}/name`)) ?? entry,
      details: known({
        Description: entry,
        Driver: await sysfs.linkName(`${at}/driver`),
        Path: place,
      }),
    });
  }
  return found;
}

async function spi(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const entry of await sysfs.list('bus/spi/devices')) {
    const at = `bus/spi/devices/${entry}`;
    const place = await sysfs.place(at);
    if (place === undefined) continue;
    const modalias = await sysfs.text(`${at}/modalias`);
    found.push({
      category: 'SPI',
      subCategory: 'Device',
      name: modalias?.replace(/^spi:/u, '') ?? entry,
      details: known({
        Description: entry,
        Driver: await sysfs.linkName(`${at}/driver`),
        Path: place,
      }),
    });
  }
  return found;
}
