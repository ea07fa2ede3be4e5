import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findDatabases,
  readDatabase,
} from '../../../collectors/software-inventory/databases/files.js';
import type { InstalledPackage } from '../../../collectors/software-inventory/databases/package.js';
import {
  apkFormat,
  dpkgFormat,
  ParagraphReader,
} from '../../../collectors/software-inventory/databases/paragraphs.js';
import { parseRpm } from '../../../collectors/software-inventory/databases/rpm.js';
import { furtherFacts } from '../../../collectors/software-inventory/licences/further.js';

const casePath = (name: string): string => fileURLToPath(new URL(`cases/${name}`, import.meta.url));

/** As `name version architecture [source version] <licences>`. */
async function packagesOf(name: string): Promise<string[]> {
  const paths = { root: casePath(name) };
  const { signal } = new AbortController();
  const packages: InstalledPackage[] = [];
  const { found } = await findDatabases(paths);
  for (const database of found)
    await readDatabase(paths, database, signal, (one) => packages.push(one));
  return Promise.all(
    packages.map(async (one) => {
      const { licenses, cpe } = await furtherFacts(paths, one, signal);
      const source = [one.source, one.sourceVersion].filter(Boolean).join(' ');
      const parts = [one.name, one.version, one.architecture, source && `[${source}]`, cpe];
      return [...parts.filter(Boolean), `<${licenses.join('; ')}>`].join(' ');
    }),
  );
}

function rpmOf(text: string): { packages: InstalledPackage[]; unparsed: number } {
  const packages: InstalledPackage[] = [];
  return { packages, unparsed: parseRpm(text, (one) => packages.push(one)) };
}

describe('the packages of', () => {
  it('Debian are those on the disk, with the licences of copyright files that machines can read', async () => {
    expect(await packagesOf('debian-12')).toMatchInlineSnapshot(`
      [
        "adduser 3.134 all <GPL-2.0-or-later>",
        "bash 5.2.15-2+b8 amd64 [5.2.15-2] <GPL-3.0-or-later; GPL-3+ with Bison exception; GPL-2.0-or-later; GFDL-1.3-no-invariants-only; Latex2e; BSD-4-clause-UC and MIT-like>",
        "gcc-12-base 12.2.0-14+deb12u1 amd64 [gcc-12] <>",
        "git-man 1:2.39.5-0+deb12u3 all [git] <GPL-2.0-only; BSD-3-Clause; Zlib; LGPL-2.1-or-later; EDL-1.0; GPL-2.0-or-later; MIT>",
        "libc6 2.36-9+deb12u14 amd64 [glibc] <>",
        "libssl3 3.0.19-1~deb12u2 amd64 [openssl] <Apache-2.0; Artistic or GPL-1+>",
        "openssl 3.0.19-1~deb12u2 amd64 <Apache-2.0; Artistic or GPL-1+>",
        "tar 1.34+dfsg-1.2+deb12u1 amd64 <GPL-3.0-or-later; GPL-3+ with Bison exception; LGPL-3.0-or-later; GPL-2.0-or-later>",
      ]
    `);
  });

  it('Ubuntu are the same, also when held back or half installed', async () => {
    expect(await packagesOf('ubuntu-24.04')).toMatchInlineSnapshot(`
      [
        "libssl3t64 3.0.13-0ubuntu3.4 amd64 [openssl] <>",
        "linux-image-6.8.0-48-generic 6.8.0-48.48 amd64 [linux-signed] <>",
        "snapd 2.63.1+24.04 amd64 <>",
        "nano 7.2-2build1 amd64 <>",
      ]
    `);
  });

  it('Alpine have their licence in the database', async () => {
    expect(await packagesOf('alpine-3.20')).toMatchInlineSnapshot(`
      [
        "alpine-baselayout-data 3.6.5-r0 x86_64 [alpine-baselayout] <GPL-2.0-only>",
        "busybox 1.36.1-r29 x86_64 <GPL-2.0-only>",
        "libcrypto3 3.3.1-r0 x86_64 [openssl] <Apache-2.0>",
        "libgcc 13.2.1_git20240309-r0 x86_64 [gcc] <GPL-2.0-or-later AND LGPL-2.1-or-later>",
        ".build-deps 20240612.101010 noarch <>",
      ]
    `);
  });

  it('OpenWrt and Yocto have it in the control file, with a CPE name that is one', async () => {
    expect(await packagesOf('openwrt-23.05')).toMatchInlineSnapshot(`
      [
        "dropbear 2022.82-6 aarch64_cortex-a53 cpe:/a:matt_johnston:dropbear_ssh_server <MIT>",
        "kmod-nf-nat 5.15.150-1 aarch64_cortex-a53 <GPL-2.0>",
      ]
    `);
    expect(await packagesOf('yocto-5.0')).toMatchInlineSnapshot(`
      [
        "libcap2 2.69-r0 cortexa57 <BSD-3-Clause OR GPL-2.0-only>",
      ]
    `);
  });

  it('Fedora and openSUSE are what rpm says, without the keys among them', () => {
    const fedora = rpmOf(readFileSync(casePath('fedora-40.txt'), 'utf8'));
    expect(fedora.unparsed).toBe(0);
    expect(fedora.packages.map(({ name, version, source }) => [name, version, source])).toEqual([
      ['bash', '5.2.26-3.fc40', undefined],
      ['openssl-libs', '1:3.2.1-2.fc40', 'openssl'],
      ['kernel-core', '6.8.5-301.fc40', 'kernel'],
      ['kernel-core', '6.8.9-300.fc40', 'kernel'],
      ['tzdata', '2024a-5.fc40', undefined],
    ]);
    const suse = rpmOf(readFileSync(casePath('opensuse-15.6.txt'), 'utf8'));
    expect(suse.packages[1]).toEqual({
      manager: 'rpm',
      name: 'libopenssl1_1',
      version: '1.1.1w-150600.5.6.1',
      architecture: 'x86_64',
      supplier: 'SUSE LLC <https://www.suse.com/>',
      license: 'OpenSSL',
      source: 'openssl-1_1',
      homepage: 'https://www.openssl.org/',
    });
  });
});

describe('a hostile database', () => {
  const word = fc.constantFrom(
    ...['Package: ', 'Version: ', 'Status: ', 'P:', 'V:', 'A:', '\n', '\n\n', ' ', '\t', ':', '\0'],
    ...['\u202e', '\u001b[2J', '../../etc/shadow', 'install ok installed', '__proto__', '(', ')'],
  );
  const text = fc.array(fc.oneof(word, fc.string()), { maxLength: 60 }).map((all) => all.join(''));

  it('gives packages whose texts are printable and short, or none', () => {
    fc.assert(
      fc.property(text, fc.constantFrom(dpkgFormat, apkFormat), (database, format) => {
        const packages: InstalledPackage[] = rpmOf(database).packages;
        const reader = new ParagraphReader(format, (one) => packages.push(one));
        database.split('\n').forEach((line) => reader.line(line));
        reader.end();
        for (const one of packages)
          for (const value of Object.values<string>({ ...one })) {
            expect(value).toMatch(/^[^\p{C}\u2028\u2029]+$/u);
            expect(value.length).toBeLessThanOrEqual(300);
          }
      }),
    );
  });

  it('has no file read that is not the one of a package', async () => {
    const { signal } = new AbortController();
    const one = { manager: 'dpkg', name: '../../../debian-12/usr/share/doc/bash', version: '1' };
    const paths = { root: casePath('ubuntu-24.04') };
    expect(await furtherFacts(paths, one as InstalledPackage, signal)).toEqual({
      licenses: [],
      leftOut: 0,
    });
  });
});
