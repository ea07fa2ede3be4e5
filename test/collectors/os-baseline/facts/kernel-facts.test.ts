import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../../collectors/os-baseline/facts/command-line.js';
import { readKernelConfig } from '../../../../collectors/os-baseline/facts/kernel-config.js';
import {
  moduleOfLine,
  parseModprobeConfiguration,
  readModules,
} from '../../../../collectors/os-baseline/facts/kernel-modules.js';
import {
  mountsOf,
  parseMountInfo,
  readMounts,
} from '../../../../collectors/os-baseline/facts/mounts.js';
import { readRootDevice } from '../../../../collectors/os-baseline/facts/root-device.js';
import { readSecureBoot } from '../../../../collectors/os-baseline/facts/secure-boot.js';
import { parseUbootConfig } from '../../../../collectors/os-baseline/facts/uboot-environment.js';
import { rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

const release = { 'proc/sys/kernel/osrelease': '6.1.0-1\n' };

describe('the command line of the kernel', () => {
  it('is words, of which a quoted one has blanks', () => {
    const line = parseCommandLine(
      'ro root=/dev/sda1 dyndbg="file a +p" console=tty1 console=ttyS0\n',
    );
    expect(line.words).toEqual([
      'ro',
      'root=/dev/sda1',
      'dyndbg=file a +p',
      'console=tty1',
      'console=ttyS0',
    ]);
    expect(line.valueOf('ro')).toBe('');
    expect(line.valuesOf('console')).toEqual(['tty1', 'ttyS0']);
    expect(line.valueOf('roo')).toBeUndefined();
  });
});

describe('the configuration of the kernel', () => {
  it('is what the kernel offers, packed, or what lies in /boot', async () => {
    const paths = rootOf({
      ...release,
      'boot/config-6.1.0-1': 'CONFIG_A=y\n# CONFIG_B is not set\n',
    });
    const boot = await readKernelConfig(await factContext(paths));
    expect('value' in boot && [...boot.value]).toEqual([['A', 'y']]);
    writeFileSync(join(paths.procRoot, 'config.gz'), gzipSync('CONFIG_C="x y"\n'));
    const own = await readKernelConfig(await factContext(paths));
    expect('value' in own && [...own.value]).toEqual([['C', '"x y"']]);
    writeFileSync(join(paths.procRoot, 'config.gz'), 'no gzip');
    expect(await readKernelConfig(await factContext(paths))).toHaveProperty('unreadable');
  });

  it('that unpacks to more than any is not read', async () => {
    const paths = rootOf(release);
    writeFileSync(join(paths.procRoot, 'config.gz'), gzipSync(Buffer.alloc(16 * 1024 * 1024)));
    expect(await readKernelConfig(await factContext(paths))).toHaveProperty('unreadable');
  });
});

describe('modules', () => {
  it('are named by their files, packed or not', () => {
    expect(moduleOfLine('kernel/fs/cramfs/cramfs.ko: kernel/drivers/mtd/mtd.ko')).toBe('cramfs');
    expect(moduleOfLine('kernel/drivers/usb/storage/usb-storage.ko.xz:')).toBe('usb_storage');
    expect(moduleOfLine('')).toBeUndefined();
  });

  it('are barred by a command that does nothing, or by a blacklist', () => {
    const text =
      'install usb-storage /bin/false\nblacklist cramfs\ninstall udf /sbin/modprobe -i udf\n#install hfs /bin/true\ninstall \\\n rds /bin/true\n';
    expect([...parseModprobeConfiguration(text)]).toEqual([
      ['usb_storage', 'install'],
      ['cramfs', 'blacklist'],
      ['rds', 'install'],
    ]);
  });

  it('are loaded, built in, installed, barred, or none of these', async () => {
    const paths = rootOf({
      ...release,
      'proc/modules': 'usb_storage 81920 1 uas, Live 0x0\n',
      'proc/filesystems': 'nodev\tsysfs\n\tsquashfs\n',
      'lib/modules/6.1.0-1/modules.dep':
        'kernel/drivers/usb/storage/usb-storage.ko: a.ko\nkernel/fs/udf/udf.ko:\n',
      'lib/modules/6.1.0-1/modules.builtin': 'kernel/fs/squashfs/squashfs.ko\n',
      'etc/modprobe.d/a.conf': 'blacklist udf\n',
      'usr/lib/modprobe.d/a.conf': 'install usb-storage /bin/false\n',
    });
    const names = ['usb-storage', 'udf', 'squashfs', 'cramfs'];
    const readings = await readModules(names, await factContext(paths));
    const states = names.map((name) => readings.get(name));
    expect(states).toEqual([
      // The file of the same name in /etc stands for the one in /usr/lib.
      { value: { loaded: true, builtIn: false, installed: true } },
      { value: { loaded: false, builtIn: false, installed: true, barred: 'blacklist' } },
      { value: { loaded: false, builtIn: true, installed: false } },
      { value: { loaded: false, builtIn: false, installed: false } },
    ]);
  });
});

describe('modules that are not installed where the agent looks', () => {
  it('are unknown where others are loaded, and cannot be there where there are none', async () => {
    const read = async (files: Readonly<Record<string, string>>) =>
      (await readModules(['udf'], await factContext(rootOf({ ...release, ...files })))).get('udf');
    expect(await read({ 'proc/modules': 'veth 1 0 - Live 0x0\n' })).toHaveProperty('absent');
    const nothing = { value: { loaded: false, builtIn: false, installed: false } };
    expect(await read({ 'proc/modules': '' })).toEqual(nothing);
    expect(await read({})).toEqual(nothing);
  });
});

describe('the root', () => {
  it('is verified by what veritysetup made, or by what the kernel made at its start', async () => {
    const verified = async (files: Readonly<Record<string, string>>) => {
      const root = '22 1 252:0 / / ro - ext4 /dev/dm-0 ro\n';
      const context = await factContext(rootOf({ 'proc/1/mountinfo': root, ...files }));
      const reading = await readRootDevice(context);
      return 'value' in reading && reading.value.verified;
    };
    const uuid = 'sys/dev/block/252:0/dm/uuid';
    const table = 'dm-mod.create="vroot,,,ro,0 524288 verity 1 /dev/a /dev/a 4096"';
    expect(await verified({ [uuid]: 'CRYPT-VERITY-0a1b-vroot\n' })).toBe(true);
    expect(await verified({ [uuid]: 'CRYPT-LUKS2-0a1b-root\n' })).toBe(false);
    expect(await verified({ 'proc/cmdline': `root=/dev/dm-0 ${table}\n` })).toBe(true);
    expect(await verified({ 'proc/cmdline': `root=/dev/sda1 ${table}\n` })).toBe(false);
    expect(await verified({ 'proc/cmdline': 'root=/dev/dm-0 note=verity\n' })).toBe(false);
  });
});

describe('mounts', () => {
  it('are found at a path, the last one wins, and hold the files below', () => {
    const mounts = mountsOf(
      parseMountInfo(
        '1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / /with\\040blank rw shared:1 - tmpfs t rw\nrubbish\n3 1 0:8 / / ro - overlay o ro',
      ),
    );
    expect(mounts.at('/with blank')?.type).toBe('tmpfs');
    expect(mounts.at('/')?.type).toBe('overlay');
    expect(mounts.holding('/with blank/a/b')?.type).toBe('tmpfs');
    expect(mounts.holding('/without')?.type).toBe('overlay');
  });

  it('are removable where the disk says so, and never where the root is', async () => {
    const paths = rootOf({
      'proc/1/mountinfo':
        '1 0 8:2 / / rw - ext4 /dev/sda2 rw\n2 1 8:1 / /boot rw - vfat /dev/sda1 rw\n3 1 8:17 / /media/x rw - vfat /dev/sdb1 rw\n4 1 179:1 / /data rw - ext4 /dev/mmcblk0p1 rw\n',
      'sys/devices/pci0/usb1/1-1/block/sda/sda2/partition': '2\n',
      'sys/devices/pci0/usb1/1-1/block/sda/sda1/partition': '1\n',
      'sys/devices/pci0/usb1/1-2/block/sdb/sdb1/partition': '1\n',
      'sys/devices/mmc0/block/mmcblk0/mmcblk0p1/partition': '1\n',
      'sys/devices/mmc0/block/mmcblk0/removable': '0\n',
    });
    mkdirSync(join(paths.sysRoot, 'dev/block'), { recursive: true });
    const { symlinkSync } = await import('node:fs');
    for (const [device, target] of [
      ['8:2', 'pci0/usb1/1-1/block/sda/sda2'],
      ['8:1', 'pci0/usb1/1-1/block/sda/sda1'],
      ['8:17', 'pci0/usb1/1-2/block/sdb/sdb1'],
      ['179:1', 'mmc0/block/mmcblk0/mmcblk0p1'],
    ] as const)
      symlinkSync(`../../devices/${target}`, join(paths.sysRoot, 'dev/block', device));
    const mounts = await readMounts(await factContext(paths));
    const removable = 'value' in mounts ? mounts.value.all.filter((mount) => mount.removable) : [];
    expect(removable.map(({ mountPoint }) => mountPoint)).toEqual(['/media/x']);
  });
});

describe('what the firmware says', () => {
  const variable = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

  it('is whether Secure Boot is on, on devices with UEFI', async () => {
    const read = async (files: Readonly<Record<string, string>>) =>
      readSecureBoot(await factContext(rootOf(files)));
    expect(await read({ [variable]: '\x06\0\0\0\x01' })).toEqual({ value: true });
    expect(await read({ [variable]: '\x06\0\0\0\0' })).toEqual({ value: false });
    expect(await read({ 'sys/firmware/efi/fw_platform_size': '64' })).toEqual({ value: false });
    expect(await read({ [variable]: 'x' })).toHaveProperty('unreadable');
    expect(await read({ 'etc/passwd': '' })).toHaveProperty('absent');
  });

  it('is where U-Boot keeps its environment', () => {
    expect(
      parseUbootConfig('# device offset size\n/dev/mtd1 0x0 0x2000\n /dev/mtd2\t0x0\nmtd3 0\n'),
    ).toEqual(['/dev/mtd1', '/dev/mtd2']);
  });
});
