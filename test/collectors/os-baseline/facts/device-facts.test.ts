import { describe, expect, it } from 'vitest';
import {
  parseAptConfiguration,
  parseOneLineSources,
  parseParagraphSources,
  readAptConfiguration,
  readAptSources,
} from '../../../../collectors/os-baseline/facts/apt.js';
import { readCertificates } from '../../../../collectors/os-baseline/facts/certificates.js';
import {
  parseGettyUnit,
  parseInittab,
  readConsoles,
} from '../../../../collectors/os-baseline/facts/consoles.js';
import { readFirewall } from '../../../../collectors/os-baseline/facts/firewall.js';
import { readNetworkInterfaces } from '../../../../collectors/os-baseline/facts/network-interfaces.js';
import { readRelease } from '../../../../collectors/os-baseline/facts/release.js';
import { readSystemdSettings } from '../../../../collectors/os-baseline/facts/settings-files.js';
import { capturedRoot, rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

const contextOf = (files: Readonly<Record<string, string>>) => factContext(rootOf(files));

describe('apt', () => {
  it('has sources of two forms, with their options', () => {
    const [one, two] = parseOneLineSources(
      'deb [arch=amd64 Trusted=yes] http://a.example/ x main\n# deb http://b.example/ x\ndeb-src https://c.example/ x\n',
      'f',
    );
    expect(one?.options.get('trusted')).toBe('yes');
    expect([one?.uri, two?.uri]).toEqual(['http://a.example/', 'https://c.example/']);
    const paragraphs = parseParagraphSources(
      'Types: deb\n# Trusted: yes\nURIs: http://a.example/ http://b.example/\nAllow-Insecure: yes\n\nURIs: http://c.example/\nEnabled: no\n',
      'f',
    );
    expect(paragraphs.map(({ uri }) => uri)).toEqual(['http://a.example/', 'http://b.example/']);
    expect(paragraphs[0]?.options.get('allow-insecure')).toBe('yes');
    expect(paragraphs[0]?.options.get('trusted')).toBeUndefined();
  });

  it('has settings in scopes and in full', () => {
    const settings = parseAptConfiguration(
      'APT::Get::AllowUnauthenticated "true"; // no\n#APT::X "1";\n/* Acquire::Y "1"; */\nAcquire { https { Verify-Peer "false"; }; };\nList { "a"; "b"; };\n',
    );
    expect([...settings]).toEqual([
      ['apt::get::allowunauthenticated', 'true'],
      ['acquire::https::verify-peer', 'false'],
    ]);
  });

  it('is read of the captured Debian 12, and is none on BusyBox', async () => {
    const debian = await factContext(capturedRoot('debian-12'));
    const configuration = await readAptConfiguration(debian);
    expect(
      'value' in configuration && configuration.value.get('apt::periodic::unattended-upgrade'),
    ).toBe('1');
    const sources = await readAptSources(debian);
    expect('value' in sources && sources.value.length).toBeGreaterThan(0);
    expect(await readAptSources(await factContext(capturedRoot('busybox')))).toHaveProperty(
      'absent',
    );
  });
});

describe('consoles', () => {
  it('that ask for no password are known by inittab and units', () => {
    const inittab = [
      '::sysinit:/bin/mount -t proc proc /proc',
      'console::respawn:/sbin/getty -L console 0 vt100',
      'ttyS0::respawn:/sbin/getty -n -l /bin/sh 115200 ttyS0',
      'tty2::askfirst:-/bin/sh',
      '#tty3::askfirst:-/bin/sh',
      '::once:/bin/sh /etc/start',
    ].join('\n');
    expect(parseInittab(inittab)).toEqual(['logs somebody in', 'starts a shell']);
    expect(
      parseGettyUnit('[Service]\nExecStart=\nExecStart=-/sbin/agetty --autologin root %I $TERM\n'),
    ).toEqual(['logs somebody in']);
    expect(
      parseGettyUnit("ExecStart=-/sbin/agetty -o '-p -- \\\\u' --keep-baud 115200,9600 - $TERM\n"),
    ).toEqual([]);
  });

  it('are found in drop-ins, and none on the captured systems', async () => {
    const path = 'etc/systemd/system/serial-getty@.service.d/login.conf';
    const context = await contextOf({
      [path]: '[Service]\nExecStart=\nExecStart=agetty -a root %I\n',
    });
    expect(await readConsoles(context)).toEqual({
      value: [{ where: `/${path}`, what: 'logs somebody in' }],
    });
    for (const system of ['debian-12', 'busybox', 'yocto-read-only'] as const)
      expect(await readConsoles(await factContext(capturedRoot(system)))).toEqual({ value: [] });
  });
});

describe('facts of a device', () => {
  it('hold settings of systemd, of which drop-ins count', async () => {
    const context = await contextOf({
      'usr/lib/systemd/systemd-journald': '',
      'etc/systemd/journald.conf': '[Journal]\n#Storage=none\nStorage=auto\nCompress=no\n',
      'usr/lib/systemd/journald.conf.d/a.conf': '[Journal]\nStorage=volatile\n',
      'etc/systemd/journald.conf.d/a.conf': '[Journal]\nStorage=persistent\nCompress=\n',
    });
    expect(await readSystemdSettings('journald', context)).toEqual({
      value: new Map([['Storage', 'persistent']]),
    });
    expect(await readSystemdSettings('coredump', context)).toHaveProperty('absent');
  });

  it('hold the release of each captured system', async () => {
    const idOf = async (system: 'debian-12' | 'container' | 'busybox') => {
      const reading = await readRelease(await factContext(capturedRoot(system)));
      return 'value' in reading ? reading.value.fields.get('ID') : reading;
    };
    expect(await idOf('debian-12')).toBe('debian');
    expect(await idOf('container')).toBe('debian');
    expect(await idOf('busybox')).toBe('buildroot');
  });

  it('hold interfaces, of which ports of a bridge may take all packets', async () => {
    const context = await contextOf({
      'sys/class/net/eth0/flags': '0x1103\n',
      'sys/class/net/eth1/flags': '0x1103\n',
      'sys/class/net/eth1/brport/port_no': '0x1\n',
      'sys/class/net/wlan0/flags': '0x1002\n',
      'sys/class/net/wlan0/phy80211/index': '0\n',
      'sys/class/net/bonding_masters': '',
    });
    expect(await readNetworkInterfaces(context)).toEqual({
      value: [
        { name: 'eth0', up: true, wireless: false, sniffing: true },
        { name: 'eth1', up: true, wireless: false, sniffing: false },
        { name: 'wlan0', up: false, wireless: true, sniffing: false },
      ],
    });
  });

  it('hold no certificate that cannot be parsed, and keys by their mode alone', async () => {
    const context = await contextOf({
      'etc/ssl/a.pem': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
      'etc/ssl/b.key': 'never read',
    });
    const reading = await readCertificates(context);
    expect('value' in reading && reading.value.files.map(({ path }) => path)).toEqual([
      '/etc/ssl/b.key',
    ]);
  });

  it('hold no packet filter that was not seen', async () => {
    expect(
      await readFirewall(await contextOf({ 'proc/modules': 'nf_tables 1 0 - Live 0x0\n' })),
    ).toHaveProperty('unreadable');
  });
});
