import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { systemInformation } from '../../../collectors/system-information/index.js';
import { checkPayload } from '../../../contract/payload-check.js';
import {
  type CapturedSystem,
  capturedRoot,
  capturedSystems,
} from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';
import { elfHead } from '../../support/elf-head.js';

/** What a person reads in the files of the captured Debians, of which each has its numbers. */
const debian = (
  numbers: { version: string; codename: string; total: number; free: number; available: string },
  details: Record<string, string>,
) => ({
  OSName: 'Debian GNU/Linux',
  OSVersion: `${numbers.version} (${numbers.codename})`,
  OsArchitecture: 'x86_64',
  HostName: `gateway-${numbers.version}`,
  BIOSVersion: '1.16',
  BootDevice: '/dev/sda1',
  TotalPhysicalMemoryInKB: numbers.total,
  FreePhysicalMemoryInKB: numbers.free,
  TotalVirtualMemoryInKB: numbers.total,
  FreeVirtualMemoryInKB: numbers.free,
  ExtraDetails: {
    OsId: 'debian',
    OsVersionId: numbers.version,
    AvailableMemoryInKB: numbers.available,
    SwapTotalInKB: '0',
    SwapFreeInKB: '0',
    TimeZone: 'Etc/UTC',
    Firmware: 'BIOS',
    BiosVendor: 'SeaBIOS',
    Manufacturer: 'Example Devices',
    Model: 'Gateway 200',
    ModelVersion: '1.4',
    RootDevice: '/dev/sda1',
    RootFileSystem: 'ext4',
    RootReadOnly: 'false',
    RootEncryption: 'none',
    RootVerity: 'false',
    SecureBoot: 'unavailable',
    SELinux: 'off',
    AppArmor: 'on',
    Lockdown: 'none',
    Virtualization: 'qemu',
    ...details,
  },
});

const expected: Readonly<Record<CapturedSystem, object>> = {
  'debian-11': debian(
    { version: '11', codename: 'bullseye', total: 1501968, free: 1311592, available: '1280684' },
    {
      KernelRelease: '5.10.0-32-amd64',
      KernelVersion: '#1 SMP Debian 5.10.223-1 (2024-08-10)',
      BootId: '17c500d7-0566-4c6f-8352-a04845d8a23f',
      UptimeSeconds: '331',
      SecurityModules: 'lockdown,capability,yama,apparmor,tomoyo',
    },
  ),
  'debian-12': debian(
    { version: '12', codename: 'bookworm', total: 1496004, free: 1269632, available: '1243920' },
    {
      KernelRelease: '6.1.0-50-amd64',
      KernelVersion: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.176-1 (2026-07-02)',
      KernelArchitecture: 'x86_64',
      BootId: 'c94f1230-5f52-4148-85e0-fde9de9fbc25',
      UptimeSeconds: '364',
      SecurityModules: 'lockdown,capability,landlock,yama,apparmor,tomoyo,bpf',
    },
  ),
  'debian-13': debian(
    { version: '13', codename: 'trixie', total: 1502808, free: 1289088, available: '1258128' },
    {
      KernelRelease: '6.12.117+deb13-amd64',
      KernelVersion: '#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1 (2026-11-12)',
      KernelArchitecture: 'x86_64',
      BootId: 'd52a404f-1940-4346-acd9-05f5f6c5026b',
      UptimeSeconds: '458',
      SecurityModules: 'lockdown,capability,landlock,yama,apparmor,tomoyo,bpf,ipe,ima,evm',
    },
  ),
  // A board has no table of a PC, and may check its boot in ways that nothing tells: nothing is said of secure boot.
  busybox: {
    OSName: 'Buildroot',
    OSVersion: '2024.02.9',
    OsArchitecture: 'armhf',
    HostName: 'buildroot',
    BootDevice: '/dev/mmcblk0p2',
    TotalPhysicalMemoryInKB: 948096,
    FreePhysicalMemoryInKB: 843772,
    TotalVirtualMemoryInKB: 948096,
    FreeVirtualMemoryInKB: 843772,
    ExtraDetails: {
      OsId: 'buildroot',
      OsVersionId: '2024.02.9',
      KernelRelease: '6.1.61-v8',
      KernelVersion: '#1 SMP PREEMPT Mon Dec  2 10:21:07 UTC 2024',
      KernelArchitecture: 'aarch64',
      BootId: '0d9ad7a8-7a3e-4d4f-9c0e-6d1f55b0a1e2',
      UptimeSeconds: '5162',
      AvailableMemoryInKB: '868632',
      SwapTotalInKB: '0',
      SwapFreeInKB: '0',
      TimeZone: 'UTC',
      Firmware: 'device tree',
      Model: 'Raspberry Pi 4 Model B Rev 1.5',
      Compatible: 'raspberrypi,4-model-b',
      SerialNumber: '10000000abcdef01',
      RootDevice: '/dev/mmcblk0p2',
      RootFileSystem: 'ext4',
      RootReadOnly: 'false',
      RootEncryption: 'none',
      RootVerity: 'false',
    },
  },
  // Its root is an overlay over files of the host, of whose disks it sees nothing.
  container: {
    OSName: 'Debian GNU/Linux',
    OSVersion: '12 (bookworm)',
    OsArchitecture: 'x86_64',
    HostName: '4f1c9a7e2b30',
    TotalPhysicalMemoryInKB: 8052736,
    FreePhysicalMemoryInKB: 2413548,
    TotalVirtualMemoryInKB: 8052736,
    FreeVirtualMemoryInKB: 2413548,
    ExtraDetails: {
      OsId: 'debian',
      OsVersionId: '12',
      KernelRelease: '6.1.0-28-amd64',
      KernelVersion: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)',
      KernelArchitecture: 'x86_64',
      BootId: '7a9bb0a4-8a34-4a57-9b22-c4d1a5c9d0f1',
      UptimeSeconds: '86500',
      AvailableMemoryInKB: '6120404',
      SwapTotalInKB: '0',
      SwapFreeInKB: '0',
      TimeZone: 'UTC',
      RootFileSystem: 'overlay',
      RootReadOnly: 'false',
      Container: 'docker',
    },
  },
  // The kernel made the verified root itself (dm-mod.create), without a mark of cryptsetup: encryption is not known.
  'yocto-read-only': {
    OSName: 'Poky (Yocto Project Reference Distro)',
    OSVersion: '5.0.3 (scarthgap)',
    OsArchitecture: 'aarch64',
    HostName: 'imx8mm-gateway',
    BIOSVersion: 'U-Boot 2024.01-g1a2b3c4',
    BootDevice: '/dev/dm-0',
    TotalPhysicalMemoryInKB: 2015872,
    FreePhysicalMemoryInKB: 1702144,
    TotalVirtualMemoryInKB: 2015872,
    FreeVirtualMemoryInKB: 1702144,
    ExtraDetails: {
      OsId: 'poky',
      OsVersionId: '5.0.3',
      KernelRelease: '6.6.36-lts-next',
      KernelVersion: '#1 SMP PREEMPT Wed Sep  4 22:04:52 UTC 2024',
      KernelArchitecture: 'aarch64',
      BootId: '3f1a8c7e-53f7-4f93-8e44-7f8f0f8c1d20',
      UptimeSeconds: '913',
      AvailableMemoryInKB: '1781760',
      SwapTotalInKB: '0',
      SwapFreeInKB: '0',
      TimeZone: 'UTC',
      Firmware: 'device tree',
      Model: 'NXP i.MX8MM EVK board',
      Compatible: 'fsl,imx8mm-evk',
      RootDevice: '/dev/dm-0',
      RootFileSystem: 'ext4',
      RootReadOnly: 'true',
      RootVerity: 'true',
    },
  },
};

it.each(capturedSystems)('tells of %s what a person reads in its files', async (name) => {
  const paths = capturedRoot(name);
  mkdirSync(`${paths.root}/bin`, { recursive: true });
  const { OsArchitecture } = expected[name] as { OsArchitecture: string };
  writeFileSync(`${paths.root}/bin/sh`, elfHead(OsArchitecture));
  const told = await systemInformation.collect({
    host: fakeHost({ paths }),
    signal: new AbortController().signal,
    lose: () => undefined,
    setSource: () => undefined,
  });
  expect(told).toEqual([expected[name]]);
  for (const payload of told as object[])
    expect(checkPayload('SystemInformation', payload)).toBeUndefined();
});
