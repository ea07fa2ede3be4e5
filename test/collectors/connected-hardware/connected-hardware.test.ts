import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { usbClass } from '../../../collectors/connected-hardware/facts/class-names.js';
import { IdNames } from '../../../collectors/connected-hardware/facts/id-names.js';
import { connectedHardware } from '../../../collectors/connected-hardware/index.js';
import type { Paths } from '../../../collectors/kernel/paths.js';
import { checkPayload } from '../../../contract/payload-check.js';
import {
  capturedRoot,
  type CapturedSystem,
  capturedSystems,
  rootOf,
} from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';

async function collect(paths: Paths) {
  const lose = vi.fn();
  const setSource = vi.fn();
  const payloads = await connectedHardware.collect({
    host: fakeHost({ paths }),
    signal: new AbortController().signal,
    lose,
    setSource,
  });
  if ('unavailable' in payloads) throw new Error(payloads.unavailable);
  const lines = payloads.map((payload) => {
    expect(checkPayload('ConnectedHardware', payload)).toBeUndefined();
    const { HardwareCategory, HardwareSubCategory, HardwareName, ExtraDetails = {} } = payload;
    const details = Object.entries(ExtraDetails).map(([key, value]) => `${key}=${value}`);
    return [HardwareCategory, HardwareSubCategory, HardwareName, ...details].join(' | ');
  });
  return { lines, lose, setSource };
}

const expected = (system: CapturedSystem) =>
  readFileSync(join(import.meta.dirname, 'expected', `${system}.txt`), 'utf8')
    .trimEnd()
    .split('\n');

const usbOf = (paths: Paths) => `${paths.sysRoot}/devices/pci0000:00/0000:00:02.0/usb2/2-1`;

describe('the hardware of', () => {
  // What a person read in the files of the root, one device a line.
  it.each(capturedSystems)('%s is what its /sys shows, with names', async (system) => {
    const { lines, lose, setSource } = await collect(capturedRoot(system));
    expect(lines).toEqual(expected(system));
    expect(lose).not.toHaveBeenCalled();
    expect(setSource).toHaveBeenCalledWith({ source: 'sysfs' });
  });

  it('a device has no consoles, no ports that nobody has, and no disks without a medium of their own', async () => {
    const { lines } = await collect(capturedRoot('debian-12'));
    expect(lines.filter((line) => /tty\d|console|ptmx|ttyS[23]|loop|ram\d/u.test(line))).toEqual(
      [],
    );
  });
});

describe('a snapshot of hardware', () => {
  it('loses nothing but the device that is pulled while it is read', async () => {
    const paths = capturedRoot('debian-12');
    const before = await collect(paths);
    // The links of bus/ and class/ dangle until the kernel has taken them away, too.
    rmSync(usbOf(paths), { recursive: true });
    const { lines, lose } = await collect(paths);
    const pulled = before.lines.filter((line) => line.includes('/usb2/2-1'));
    expect(pulled).toHaveLength(2);
    expect(lines).toEqual(before.lines.filter((line) => !line.includes('/usb2/2-1')));
    expect(lose).not.toHaveBeenCalled();
  });

  it('keeps texts of a device on one line and short, whatever it says of itself', async () => {
    const paths = capturedRoot('debian-12');
    writeFileSync(`${usbOf(paths)}/product`, `\u001b[2J stick\n\u0000${'x'.repeat(5_000)}\n`);
    writeFileSync(`${usbOf(paths)}/serial`, '\n');
    const { lines } = await collect(paths);
    const stick = lines.find((line) => line.includes('Mass storage | [2J stick'));
    expect(stick).toMatch(/^USB \| Mass storage \| \[2J stick x{240,256} \| Manufacturer=QEMU/u);
    expect(stick).not.toContain('Serial');
  });

  it('has the ids where the system has no names of them', async () => {
    const paths = capturedRoot('debian-13');
    rmSync(`${paths.usrRoot}/share/misc/pci.ids`);
    rmSync(`${paths.root}/var/lib/usbutils/usb.ids`);
    rmSync(`${usbOf(paths)}/product`);
    rmSync(`${usbOf(paths)}/manufacturer`);
    const { lines } = await collect(paths);
    expect(lines.some((line) => line.startsWith('PCI | Network | 8086:10d3 | Vend'))).toBe(true);
    expect(lines.some((line) => line.startsWith('USB | Mass storage | 46f4:0001 | V'))).toBe(true);
  });

  it('prefers the names of hwdata to those of Debian', async () => {
    const paths = capturedRoot('debian-13');
    mkdirSync(`${paths.usrRoot}/share/hwdata`);
    writeFileSync(`${paths.usrRoot}/share/hwdata/pci.ids`, '8086  Intel\n\t10d3  A card\n');
    const { lines } = await collect(paths);
    expect(
      lines.some((line) => line.startsWith('PCI | Network | A card | Manufacturer=Intel')),
    ).toBe(true);
  });

  it('without /sys is not available, which is not the same as no hardware', async () => {
    const answer = await connectedHardware.collect({
      host: fakeHost({ paths: rootOf({ 'etc/passwd': '' }) }),
      signal: new AbortController().signal,
      lose: vi.fn(),
      setSource: vi.fn(),
    });
    expect(answer).toHaveProperty('unavailable', expect.stringContaining('is it mounted?'));
  });
});

describe('names of ids', () => {
  it('are those of the vendor above, not of a list of something else', () => {
    const names = new IdNames([
      { vendor: '8086', product: '10d3' },
      { vendor: '1af4', product: '1000' },
      { vendor: '0003', product: '0001' },
    ]);
    const text =
      '# 8086  no\n8086  Intel\n\t10D3  Card\n\t\t8086 10d3  Subsystem\n\t1000  Other\n1af4  Red Hat\n\nC 03  HID\n\t0001  Keyboard\nL 0003  Language\n';
    text.split('\n').forEach(names.take);
    expect(names.vendorOf({ vendor: '8086', product: '' })).toBe('Intel');
    expect(names.productOf({ vendor: '8086', product: '10d3' })).toBe('Card');
    expect(names.vendorOf({ vendor: '1af4', product: '' })).toBe('Red Hat');
    expect(names.productOf({ vendor: '1af4', product: '1000' })).toBeUndefined();
    expect(names.vendorOf({ vendor: '0003', product: '' })).toBeUndefined();
  });

  it('come only from what was asked for, whatever the file holds', () => {
    const line = fc.oneof(
      fc.string(),
      fc
        .tuple(
          fc.constantFrom('', '\t', '\t\t', 'C '),
          fc.stringMatching(/^[0-9a-f]{4}$/u),
          fc.string(),
        )
        .map(([indent, id, name]) => `${indent}${id}  ${name}`),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const names = new IdNames([{ vendor: '8086', product: '0001' }]);
        for (const text of lines) names.take(text);
        const found = names.productOf({ vendor: '8086', product: '0001' });
        if (found !== undefined) expect(lines.some((text) => text.includes(found))).toBe(true);
        expect(names.productOf({ vendor: 'ffff', product: '0001' })).toBeUndefined();
      }),
    );
  });

  it('of USB classes are those of the interfaces where the device leaves it to them', () => {
    expect(usbClass(['00', '03', '08', '03'])).toBe('Human interface, Mass storage');
    expect(usbClass(['ef', '0e', '01'])).toBe('Audio, Video');
    expect(usbClass(['EF'])).toBe('Miscellaneous');
    expect(usbClass(['09', '09'])).toBe('Hub');
    expect(usbClass([undefined, '77'])).toBe('Other');
  });
});
