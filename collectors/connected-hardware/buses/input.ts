import { type Device, known } from '../facts/device.js';
import type { Sysfs } from '../facts/sysfs.js';

/** KEY_Q to KEY_P of `linux/input-event-codes.h`: who has these can type. */
const lettersOfKeyboard = 0x3ffn << 16n;

/** Keyboards, mice, touch screens, buttons. One device may have several: a keyboard that is a mouse as well is seen here. */
export async function inputDevices(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const entry of await sysfs.list('class/input')) {
    const at = `class/input/${entry}`;
    const place = /^input\d+$/u.test(entry) ? await sysfs.place(at) : undefined;
    if (place === undefined) continue;
    found.push({
      category: 'Input',
      subCategory: await kindOf(sysfs, at),
      name: (await sysfs.text(`${at}/name`)) ?? entry,
      details: known({
        Description: await sysfs.text(`${at}/phys`),
        Serial: await sysfs.text(`${at}/uniq`),
        Driver: await sysfs.linkName(`${at}/device/driver`),
        Path: place,
        Virtual: place.startsWith('devices/virtual/') ? 'true' : undefined,
      }),
    });
  }
  return found;
}

async function kindOf(sysfs: Sysfs, at: string): Promise<string> {
  const words = ((await sysfs.text(`${at}/capabilities/key`)) ?? '').split(' ').map(bitsOf);
  // The last word holds the keys below 32, however long the words of the machine are.
  if (((words.at(-1) ?? 0n) & lettersOfKeyboard) === lettersOfKeyboard) return 'Keyboard';
  const handlers = await sysfs.list(at);
  if (handlers.some((name) => /^mouse\d+$/u.test(name))) return 'Pointer';
  if (handlers.some((name) => /^js\d+$/u.test(name))) return 'Joystick';
  return words.some((word) => word !== 0n) ? 'Buttons' : 'Other';
}

/** One word of a bit mask. */
function bitsOf(word: string): bigint {
  return /^[0-9a-f]{1,16}$/iu.test(word) ? BigInt(`0x${word}`) : 0n;
}
