import { describe, expect, it } from 'vitest';
import { readPackages } from '../../../../collectors/os-baseline/facts/packages.js';
import { rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

const packagesOf = async (files: Readonly<Record<string, string>>) => {
  const reading = await readPackages(await factContext(rootOf(files)));
  if (!('value' in reading)) return reading;
  return { manager: reading.value.manager, versions: [...reading.value.versions] };
};

const dpkg = `Package: openssh-server
Status: install ok installed
Architecture: arm64
Version: 1:9.2p1-2
Description: secure shell server
 Version: 9 is not a field here

Package: telnetd
Status: deinstall ok config-files
Version: 0.17

Package: half
Status: install ok half-configured
Version: 1
`;

describe('packages', () => {
  it('are those of which dpkg has the programs on the disk, not those of which only files of settings are left', async () => {
    expect(await packagesOf({ 'var/lib/dpkg/status': dpkg })).toEqual({
      manager: 'dpkg',
      versions: [
        ['openssh-server', '1:9.2p1-2'],
        ['half', '1'],
      ],
    });
  });

  it('are those of opkg and of apk', async () => {
    const opkg = 'Package: busybox\nVersion: 1.36.1-r0\nStatus: install user installed\n';
    expect(await packagesOf({ 'var/lib/opkg/status': opkg })).toEqual({
      manager: 'opkg',
      versions: [['busybox', '1.36.1-r0']],
    });
    const apk = 'C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\n\nP:dropbear\nV:2022.83\n';
    expect(await packagesOf({ 'lib/apk/db/installed': apk })).toEqual({
      manager: 'apk',
      versions: [
        ['musl', '1.2.4-r2'],
        ['dropbear', '2022.83'],
      ],
    });
  });

  it('are none that can be known without a database', async () => {
    expect(await packagesOf({ 'etc/passwd': '' })).toEqual({
      absent: 'there is no database of packages that the agent reads (dpkg, opkg, apk)',
    });
  });
});
