import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { joined, readUnits, runningOf } from '../../../../collectors/os-baseline/facts/units.js';
import { rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

const unitsOf = async (
  files: Readonly<Record<string, string>>,
  links: Readonly<Record<string, string>> = {},
) => {
  const paths = rootOf(files);
  for (const [path, target] of Object.entries(links)) {
    mkdirSync(join(paths.root, path, '..'), { recursive: true });
    symlinkSync(target, join(paths.root, path));
  }
  const context = await factContext(paths);
  const reading = await readUnits(context);
  if (!('value' in reading)) throw new Error('no units');
  return { units: reading.value, limitations: context.limitations };
};

describe('units', () => {
  it('are as systemd has them over its bus', () => {
    const files = [
      ['/lib/systemd/system/ssh.service', 'enabled'],
      ['/lib/systemd/system/telnet.socket', 'disabled'],
      ['/etc/systemd/system/cups.service', 'masked'],
      ['/lib/systemd/system/getty@.service', 'static'],
    ];
    const loaded = [
      ['ssh.service', 'OpenSSH', 'loaded', 'active', 'running', '', '/a', 0, '', '/'],
      ['telnet.socket', 'Telnet', 'loaded', 'active', 'listening', '', '/b', 0, '', '/'],
      ['gone.service', 'Gone', 'not-found', 'inactive', 'dead', '', '/c', 0, '', '/'],
      ['run-1.service', 'Transient', 'loaded', 'failed', 'failed', '', '/d', 0, '', '/'],
    ];
    const all = joined(files, loaded);
    expect([...all]).toEqual([
      ['ssh.service', { enabled: true, masked: false, active: true }],
      ['telnet.socket', { enabled: false, masked: false, active: true }],
      ['cups.service', { enabled: false, masked: true, active: false }],
      ['getty@.service', { enabled: false, masked: false, active: false }],
      ['run-1.service', { enabled: false, masked: false, active: false }],
    ]);
    const units = { all, source: 'bus' } as const;
    expect(runningOf(units, ['cups.service', 'telnet.socket'])).toBe('telnet.socket');
    expect(runningOf(units, ['cups.service', 'getty@.service', 'none.service'])).toBeUndefined();
  });

  it('are what unit files and links tell where there is no bus, which is said', async () => {
    const { units, limitations } = await unitsOf(
      { 'usr/lib/systemd/system/ssh.service': '', 'usr/lib/systemd/system/cups.service': '' },
      {
        'etc/systemd/system/multi-user.target.wants/ssh.service':
          '/usr/lib/systemd/system/ssh.service',
        'etc/systemd/system/cups.service': '/dev/null',
      },
    );
    expect(units.source).toBe('files');
    expect(units.all.get('ssh.service')).toEqual({ enabled: true, masked: false });
    expect(units.all.get('cups.service')).toEqual({ enabled: false, masked: true });
    expect(limitations).toEqual([
      'Services are known from files alone, not whether they run: there is no system bus.',
    ]);
  });

  it('are the scripts of System V, BusyBox and OpenRC', async () => {
    const { units } = await unitsOf({
      'etc/init.d/S50sshd': '',
      'etc/init.d/rcS': '',
      'etc/init.d/ntp': '',
      'etc/init.d/telnetd': '',
      'etc/rc3.d/S20ntp': '',
      'etc/rc3.d/K01cups': '',
      'etc/runlevels/default/crond': '',
    });
    const enabled = [...units.all].filter(([, unit]) => unit.enabled).map(([name]) => name);
    expect(enabled.sort()).toEqual(['crond.service', 'ntp.service', 'sshd.service']);
    expect(units.all.get('telnetd.service')).toEqual({ enabled: false, masked: false });
  });
});
