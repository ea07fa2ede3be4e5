import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../base/json.js';
import type { ProgramAnswer } from '../../../collectors/inventory/answer.js';
import { findDatabases } from '../../../collectors/software-inventory/databases/files.js';
import { knownUpdates } from '../../../collectors/software-inventory/updates/known-updates.js';
import { rootOf } from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

const summary = (kept: number): string =>
  `3 upgraded, 1 newly installed, 0 to remove and ${kept} not upgraded.`;

/** As Debian 12 and Ubuntu 24.04 said it. */
const apt = (kept: number): string => `NOTE: This is only a simulation!
Reading package lists...
The following packages will be upgraded:
  base-files openssl tzdata
${summary(kept)}
Inst base-files [12.4+deb12u12] (12.4+deb12u13 Debian:12.13/oldstable [amd64])
Conf base-files (12.4+deb12u13 Debian:12.13/oldstable [amd64])
Inst openssl [3.0.17-1~deb12u2] (3.0.18-1~deb12u2 Debian:12.13/oldstable, Debian-Security:12/oldstable-security [amd64])
Inst tzdata [2024a-2ubuntu1] (2025b-0ubuntu0.24.04 Ubuntu:24.04/noble-security [all])
Inst linux-image-6.8.0-50-generic (6.8.0-50.51 Ubuntu:24.04/noble-security [amd64])
Conf openssl (3.0.18-1~deb12u2 Debian-Security:12/oldstable-security [amd64])
`;

const lists = '/var/lib/apt/lists';
const debian = {
  'var/lib/dpkg/status': '',
  'var/lib/apt/lists/mirror.example_debian_dists_bookworm_main_binary-amd64_Packages.lz4': '',
};

function device(files: Readonly<Record<string, string>>, program: string, stdout: string) {
  const paths = rootOf(files);
  const clock = new FakeClock();
  const memory = new Map<string, string>();
  let outcome: Partial<ProgramAnswer> = { outcome: 'ended', exitStatus: 0 };
  let asked = 0;
  const host = fakeHost({
    paths,
    clock,
    inventory: {
      ask: (name) => {
        asked++;
        const answer = { program, stdout, error: '', ...outcome } as ProgramAnswer;
        return Promise.resolve({ name, programs: [answer], facts: {} });
      },
    },
    memory: {
      read: (name) => Promise.resolve(JSON.parse(memory.get(name) ?? 'null') as JsonObject),
      write: (name, value) => void memory.set(name, JSON.stringify(value)),
    },
  });
  return {
    clock,
    root: paths.root,
    fails: (how: Partial<ProgramAnswer>) => (outcome = how),
    asked: () => asked,
    look: async () => {
      const { found } = await findDatabases(paths);
      return knownUpdates(host, found, new AbortController().signal);
    },
  };
}

describe('updates that the device knows of', () => {
  it('are counted by apt, with those that mend a weakness, and asked for anew after a day or a change', async () => {
    const { asked, clock, look, root } = device(debian, 'apt-get', apt(0));
    utimesSync(root + lists, 0, (clock.wallMs() - 9 * 86_400_000) / 1000);
    expect(await look()).toEqual({ available: 3, security: 2, listsAgeDays: 9 });
    expect(await look()).toEqual({ available: 3, security: 2, listsAgeDays: 9 });
    expect(asked()).toBe(1);
    utimesSync(root + lists, 0, clock.wallMs() / 1000);
    expect(await look()).toMatchObject({ listsAgeDays: 0 });
    expect(asked()).toBe(2);
    clock.stepWall(21 * 3_600_000);
    await look();
    expect(asked()).toBe(3);
  });

  it('are not told apart where apt does not say of all of them where they come from', async () => {
    expect(await device(debian, 'apt-get', apt(2)).look()).toMatchObject({ available: 5 });
    expect(await device(debian, 'apt-get', apt(2)).look()).not.toHaveProperty('security');
  });

  it('are not known without lists, without an answer, or from an answer that is none', async () => {
    expect(await device({ 'var/lib/dpkg/status': '' }, 'apt-get', apt(0)).look()).toEqual({});
    expect(await device(debian, 'apt-get', 'E: Broken packages').look()).toEqual({});
    for (const how of [{ outcome: 'late' }, { outcome: 'ended', exitStatus: 100 }] as const) {
      const failing = device(debian, 'apt-get', apt(0));
      failing.fails(how);
      expect(await failing.look()).toEqual({});
    }
  });

  it('are counted by opkg and apk, which do not tell those that mend a weakness', async () => {
    const openwrt = { 'usr/lib/opkg/status': '', 'var/opkg-lists/openwrt_base': '' };
    const opkg = 'luci-base - git-22.1 - git-24.2\ndropbear - 2022.82-5 - 2022.82-6\n';
    expect(await device(openwrt, 'opkg', opkg).look()).toMatchObject({ available: 2 });
    const alpine = { 'lib/apk/db/installed': '', 'var/cache/apk/APKINDEX.0a1b.tar.gz': '' };
    const apk = `Installed:                                Available:
busybox-1.36.1-r28                      < 1.36.1-r29
libcrypto3-3.3.0-r2                     < 3.3.1-r0 @edge
`;
    const told = await device(alpine, 'apk', apk).look();
    expect(told).toMatchObject({ available: 2 });
    expect(told).not.toHaveProperty('security');
  });

  it('wait for a start of the device where that is noted, and where nobody notes it that is not known', async () => {
    expect(await device({ 'run/reboot-required': '' }, '', '').look()).toEqual({
      rebootRequired: true,
    });
    const noter = { 'etc/kernel/postinst.d/unattended-upgrades': '' };
    const noting = device(noter, '', '');
    expect(await noting.look()).toEqual({ rebootRequired: false });
    mkdirSync(`${noting.root}/run`);
    writeFileSync(`${noting.root}/run/reboot-required`, '');
    expect(await noting.look()).toEqual({ rebootRequired: true });
  });
});
