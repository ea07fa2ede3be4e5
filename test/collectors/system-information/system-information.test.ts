import { mkdirSync, symlinkSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Host } from '../../../collectors/interface/host.js';
import type { Inventory } from '../../../collectors/inventory/client.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { ofMaker } from '../../../collectors/system-information/firmware.js';
import { systemInformation } from '../../../collectors/system-information/index.js';
import { inventoryFacts } from '../../../collectors/system-information/inventory-facts.js';
import { parseMemoryInfo } from '../../../collectors/system-information/memory.js';
import { parseOsRelease } from '../../../collectors/kernel/files/os-release.js';
import { architectureOf } from '../../../collectors/system-information/program-architecture.js';
import { parseMountTable } from '../../../collectors/kernel/files/mount-info.js';
import { checkPayload } from '../../../contract/payload-check.js';
import type { Payload } from '../../../contract/events.js';
import { rootOf } from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';
import { elfHead, elfKinds } from '../../support/elf-head.js';

interface Asked {
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly inventory?: Inventory;
  readonly twin?: Partial<Host['twin']['current']>;
}

async function collect({ files = {}, links = {}, inventory, twin = {} }: Asked) {
  const paths = rootOf(files);
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(dirname(`${paths.root}/${path}`), { recursive: true });
    symlinkSync(target, `${paths.root}/${path}`);
  }
  const sources: SourceState[] = [];
  const told = (await systemInformation.collect({
    host: fakeHost({
      paths,
      twin: { current: { ...fakeHost().twin.current, ...twin } },
      ...(inventory !== undefined && { inventory }),
    }),
    signal: new AbortController().signal,
    lose: () => undefined,
    setSource: (source) => sources.push(source),
  })) as Payload<'SystemInformation'>[];
  const [payload] = told;
  expect(checkPayload('SystemInformation', payload ?? {})).toBeUndefined();
  return { payload, details: payload?.ExtraDetails ?? {}, source: sources[0] };
}

const answering = (facts: object): Inventory => ({
  ask: (name) => Promise.resolve({ name, programs: [], facts: facts as Record<string, never> }),
});

const cryptBelowVolume = {
  files: {
    'proc/1/mountinfo': '22 1 253:1 / / ro - ext4 /dev/mapper/vg-root rw\n',
    'sys/devices/virtual/block/dm-1/dm/uuid': 'LVM-abcdef\n',
    'sys/devices/virtual/block/dm-0/dm/uuid': 'CRYPT-LUKS2-0123-sda2_crypt\n',
    'sys/devices/disk/sda/sda2/partition': '2\n',
  },
  links: {
    'sys/dev/block/253:1': '../../devices/virtual/block/dm-1',
    'sys/devices/virtual/block/dm-1/slaves/dm-0': '../../dm-0',
    'sys/devices/virtual/block/dm-0/slaves/sda2': '../../../../disk/sda/sda2',
  },
};

describe('the root', () => {
  it('is encrypted where a volume lies on what cryptsetup opened', async () => {
    const { details, payload } = await collect(cryptBelowVolume);
    expect(details).toMatchObject({ RootEncryption: 'LUKS2', RootDevice: '/dev/dm-1' });
    expect(details).toMatchObject({ RootReadOnly: 'true', RootVerity: 'false' });
    expect(payload?.BootDevice).toBe('/dev/dm-1');
  });

  it('is encrypted where it is a partition of an array of encrypted disks', async () => {
    const { details } = await collect({
      files: {
        'proc/1/mountinfo': '22 1 259:1 / / rw - ext4 /dev/root rw\n',
        'sys/devices/virtual/block/md127/md127p1/partition': '1\n',
        'sys/devices/virtual/block/dm-0/dm/uuid': 'CRYPT-LUKS1-0123-one\n',
        'sys/devices/virtual/block/dm-0/slaves/sda/size': '1\n',
      },
      links: {
        'sys/dev/block/259:1': '../../devices/virtual/block/md127/md127p1',
        'sys/devices/virtual/block/md127/slaves/dm-0': '../../dm-0',
      },
    });
    expect(details['RootEncryption']).toBe('LUKS1');
  });

  it('is not said to be unencrypted where something on the way was not seen', async () => {
    const without = { ...cryptBelowVolume.links };
    Reflect.deleteProperty(without, 'sys/devices/virtual/block/dm-1/slaves/dm-0');
    const unseen = await collect({ ...cryptBelowVolume, links: without });
    expect(unseen.details).not.toHaveProperty('RootEncryption');
    const loop = await collect({
      files: {
        'proc/1/mountinfo': '22 1 7:0 / / ro - squashfs /dev/loop0 ro\n',
        'sys/devices/virtual/block/loop0/loop/backing_file': '/mnt/image\n',
      },
      links: { 'sys/dev/block/7:0': '../../devices/virtual/block/loop0' },
    });
    expect(loop.details).not.toHaveProperty('RootEncryption');
    expect(loop.details['RootReadOnly']).toBe('true');
  });

  it('is not said to be read-only by the namespace of the service, which makes it so', async () => {
    const mountinfo = '22 1 8:1 / / ro - ext4 /dev/sda1 rw\n';
    const own = await collect({ files: { 'proc/self/mountinfo': mountinfo } });
    expect(own.details).not.toHaveProperty('RootReadOnly');
    const first = await collect({ files: { 'proc/1/mountinfo': mountinfo } });
    expect(first.details['RootReadOnly']).toBe('true');
  });

  it('of which devices lead to one another in a circle is not followed for ever', async () => {
    const { details } = await collect({
      files: {
        'proc/1/mountinfo': '22 1 253:0 / / rw - ext4 /dev/dm-0 rw\n',
        'sys/devices/virtual/block/dm-0/dm/uuid': 'LVM-a\n',
      },
      links: {
        'sys/dev/block/253:0': '../../devices/virtual/block/dm-0',
        'sys/devices/virtual/block/dm-0/slaves/dm-0': '../../dm-0',
      },
    });
    expect(details['RootEncryption']).toBe('none');
  });
});

describe('what guards the system', () => {
  const variable = 'sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

  it.each([
    ['on', '\u0006\0\0\0\u0001'],
    ['off', '\u0006\0\0\0\0'],
  ])('is secure boot %s by the variable of UEFI', async (state, content) => {
    const { details } = await collect({ files: { [variable]: content } });
    expect(details).toMatchObject({ SecureBoot: state, Firmware: 'UEFI' });
  });

  it('is not said where UEFI is there and its variable is not', async () => {
    const { details } = await collect({ files: { 'sys/firmware/efi/runtime': '' } });
    expect(details).not.toHaveProperty('SecureBoot');
  });

  it.each([
    ['enforcing', '1', '1'],
    ['permissive', '0', '0'],
  ])('is SELinux %s', async (state, content) => {
    const { details } = await collect({ files: { 'sys/fs/selinux/enforce': content } });
    expect(details['SELinux']).toBe(state);
  });

  it('is a TPM of its version, none, or not known', async () => {
    const version = 'sys/class/tpm/tpm0/tpm_version_major';
    expect((await collect({ files: { [version]: '2\n' } })).details['Tpm']).toBe('2');
    const paths = rootOf({});
    mkdirSync(`${paths.sysRoot}/class/tpm`, { recursive: true });
    const told = await systemInformation.collect({
      host: fakeHost({ paths }),
      signal: new AbortController().signal,
      lose: () => undefined,
      setSource: () => undefined,
    });
    expect(told).toMatchObject([{ ExtraDetails: { Tpm: 'none' } }]);
    expect((await collect({})).details).not.toHaveProperty('Tpm');
  });
});

describe('what no file tells', () => {
  const facts = {
    system: {
      manufacturer: 'Raspberry Pi Foundation',
      model: 'Computer',
      version: 'c03115',
      virtual: false,
    },
    baseboard: { manufacturer: 'Default string', model: 'Board', memSlots: 4 },
    bios: { vendor: '', version: 'F.21', releaseDate: '2024-02-01' },
    chassis: { type: 'Mini PC' },
  };

  it('comes from systeminformation, and nothing that stands for nothing', async () => {
    const inventory = answering({ ...facts, hostName: 'renamed' });
    const files = { 'proc/sys/kernel/hostname': 'as-it-started\n' };
    const { details, payload, source } = await collect({ files, inventory });
    expect(payload?.HostName).toBe('renamed');
    expect(payload?.BIOSVersion).toBe('F.21');
    expect(details).toMatchObject({
      Manufacturer: 'Raspberry Pi Foundation',
      ModelVersion: 'c03115',
      BoardName: 'Board',
      BiosDate: '2024-02-01',
      ChassisType: 'Mini PC',
      MemorySlots: '4',
    });
    for (const filler of ['Model', 'BoardVendor', 'BiosVendor', 'Virtualization'])
      expect(details).not.toHaveProperty(filler);
    expect(source).toEqual({ source: 'files, inventory' });
  });

  it('takes the place of nothing that a file told', async () => {
    const files = {
      'sys/class/dmi/id/bios_version': '1.2\n',
      'sys/class/dmi/id/sys_vendor': 'A\n',
    };
    const { details, payload } = await collect({ files, inventory: answering(facts) });
    expect([payload?.BIOSVersion, details['Manufacturer']]).toEqual(['1.2', 'A']);
  });

  it('is said to be missing, with what to do, where nobody can be asked', async () => {
    const { source } = await collect({ files: {} });
    expect(source).toEqual({
      source: 'files',
      limitation: 'What no file of the kernel tells is not known. Not in this test.',
    });
  });

  it('is bounded text or left out, whatever the answer holds', () => {
    const call = fc.constantFrom('system', 'baseboard', 'bios', 'chassis');
    const member = fc.constantFrom('model', 'version', 'vendor', 'type', 'memSlots', 'virtualHost');
    const answer = fc.dictionary(call, fc.dictionary(member, fc.jsonValue()));
    fc.assert(
      fc.property(answer, (found) => {
        const { details = {}, fields = {} } = inventoryFacts(found as Record<string, never>);
        for (const value of Object.values({ ...details, ...fields })) {
          expect(typeof value).toBe('string');
          expect(String(value).length).toBeLessThanOrEqual(200);
        }
      }),
    );
  });
});

describe('a system without any file', () => {
  it('is told as nothing but what its absence means', async () => {
    const { payload } = await collect({});
    expect(payload).toEqual({ ExtraDetails: { OsReleaseKnown: 'false', TimeZone: 'UTC' } });
  });

  it('with hostile ones is told in valid text of bounded length', async () => {
    const hostile = `\u001b[2J${'x'.repeat(5000)}\n\ud800\0`;
    const { payload } = await collect({
      files: {
        'etc/os-release': `NAME="${hostile}"\nVERSION_ID=$(id)\n`,
        'proc/sys/kernel/hostname': hostile,
        'proc/meminfo': `MemTotal: ${'9'.repeat(40)} kB\nMemFree: -1 kB\n`,
        'proc/uptime': hostile,
        'sys/class/dmi/id/product_name': hostile,
        'proc/1/mountinfo': `1 1 8:1 / / rw - ${hostile} ${hostile} rw`,
        'proc/1/environ': `container=${hostile}`,
      },
    });
    const { ExtraDetails, ...fields } = payload ?? {};
    expect(payload).not.toHaveProperty('TotalPhysicalMemoryInKB');
    expect(fields.OSVersion).toBe('$(id)');
    for (const value of Object.values({ ...fields, ...ExtraDetails })) {
      expect(String(value).length).toBeLessThanOrEqual(200);
      expect(value).not.toContain('\u001b');
    }
  });
});

describe('parsers of the system', () => {
  it('read the assignments of os-release without running any', () => {
    const text = `# comment\nNAME='A "B"'\nVERSION="1 \\"two\\" \\$3"\nID=x\nID=y\nnot=this\nBAD LINE\n`;
    expect([...parseOsRelease(text)]).toEqual([
      ['NAME', 'A "B"'],
      ['VERSION', '1 "two" $3'],
      ['ID', 'y'],
    ]);
  });

  it.each(elfKinds)('know a program for %s', (kind) => {
    expect(architectureOf(elfHead(kind))).toBe(kind);
  });

  it('take no script and no stranger for a program', () => {
    expect(architectureOf(Buffer.from('#!/bin/sh\n'.padEnd(64)))).toBeUndefined();
    expect(architectureOf(elfHead('unheard-of'))).toBeUndefined();
  });

  it('never throw', () => {
    fc.assert(
      fc.property(fc.string(), fc.uint8Array(), (text, bytes) => {
        parseOsRelease(text);
        parseMemoryInfo(text);
        parseMountTable(text);
        architectureOf(Buffer.from(bytes));
      }),
    );
  });

  it.each(['To Be Filled By O.E.M.', 'Default string', '-', '0000', 'None', 'System Product Name'])(
    'leave out %s, by which makers say nothing',
    (filler) => expect(ofMaker(filler)).toBeUndefined(),
  );
});

describe('what the twin says of the device', () => {
  const files = {
    'sys/class/dmi/id/sys_vendor': 'Maker\n',
    'sys/class/dmi/id/product_name': 'Board\n',
    'sys/class/dmi/id/bios_version': '1.0\n',
  };

  it('stands in the place of what the device tells, and is named as said by the twin', async () => {
    const { details, payload } = await collect({
      files,
      twin: { hardwareVendor: ' Contoso ', hardwareSerialNumber: 'A-1', firmwareVersion: '2.1' },
    });
    expect(payload?.BIOSVersion).toBe('2.1');
    expect(details).toMatchObject({
      Manufacturer: 'Contoso',
      Model: 'Board',
      SerialNumber: 'A-1',
      FromTwin: 'BIOSVersion, Manufacturer, SerialNumber',
    });
  });

  it('is nothing where it says nothing', async () => {
    const { details, payload } = await collect({ files, twin: { hardwareVendor: ' ' } });
    expect(payload?.BIOSVersion).toBe('1.0');
    expect(details).toMatchObject({ Manufacturer: 'Maker' });
    expect(details).not.toHaveProperty('FromTwin');
  });
});
