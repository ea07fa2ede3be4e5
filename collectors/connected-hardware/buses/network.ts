import { type Device, known } from '../facts/device.js';
import type { Sysfs } from '../facts/sysfs.js';

/** Of `linux/if_arp.h`, as `type` tells them. */
const kinds: Readonly<Record<string, string>> = {
  '1': 'Ethernet',
  '32': 'InfiniBand',
  '280': 'CAN',
  '512': 'PPP',
  '519': 'Raw IP',
  '768': 'Tunnel',
  '769': 'Tunnel',
  '776': 'Tunnel',
  '778': 'Tunnel',
  '804': 'IEEE 802.15.4',
  '825': 'IEEE 802.15.4',
  '65534': 'Tunnel',
};
const loopback = '772';

/** Network cards of the agent's network namespace, virtual ones too, and Bluetooth controllers. */
export async function networkCards(sysfs: Sysfs): Promise<Device[]> {
  const found: Device[] = [];
  for (const name of await sysfs.list('class/net')) {
    const at = `class/net/${name}`;
    const place = await sysfs.place(at);
    // `bonding_masters` is a file among them.
    const type = place === undefined ? undefined : await sysfs.text(`${at}/type`);
    if (place === undefined || type === undefined || type === loopback) continue;
    const isWireless = (await sysfs.has(`${at}/wireless`)) || (await sysfs.has(`${at}/phy80211`));
    const uevent = await sysfs.lines(`${at}/uevent`);
    const deviceType = uevent.find((line) => line.startsWith('DEVTYPE='))?.slice(8);
    found.push({
      category: 'Network',
      subCategory:
        isWireless || deviceType === 'wlan'
          ? 'Wireless'
          : deviceType === 'wwan'
            ? 'Mobile'
            : (kinds[type] ?? 'Other'),
      name,
      details: known({
        Address: await sysfs.text(`${at}/address`),
        Description: isPlain(deviceType) ? deviceType : undefined,
        Driver: await sysfs.linkName(`${at}/device/driver`),
        Path: place,
        Virtual: place.startsWith('devices/virtual/') ? 'true' : undefined,
      }),
    });
  }
  for (const name of await sysfs.list('class/bluetooth')) {
    const place = await sysfs.place(`class/bluetooth/${name}`);
    if (place === undefined || !/^hci\d+$/u.test(name)) continue;
    const details = known({
      Driver: await sysfs.linkName(`class/bluetooth/${name}/device/driver`),
      Path: place,
    });
    found.push({ category: 'Network', subCategory: 'Bluetooth', name, details });
  }
  return found;
}

/** `bridge`, `vlan`, `bond`: what the kernel made. */
function isPlain(text: string | undefined): boolean {
  return text !== undefined && /^[a-z0-9_-]{1,32}$/u.test(text);
}
