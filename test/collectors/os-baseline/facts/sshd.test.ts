import { mkdirSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Inventory } from '../../../../collectors/inventory/client.js';
import { readDropbear } from '../../../../collectors/os-baseline/facts/dropbear.js';
import { readHostKeys } from '../../../../collectors/os-baseline/facts/host-keys.js';
import { readSshd } from '../../../../collectors/os-baseline/facts/sshd.js';
import { capturedRoot, rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

/** The settings of a device with these files and a server. */
async function sshdOf(
  files: Readonly<Record<string, string>>,
  inventory: Inventory = { ask: () => Promise.resolve({ unavailable: 'Nobody serves it.' }) },
) {
  const context = await factContext(rootOf({ 'usr/sbin/sshd': '', ...files }));
  const reading = await readSshd({ ...context, host: { ...context.host, inventory } });
  if (!('value' in reading)) return { reading, limitations: context.limitations };
  const { settings, source } = reading.value;
  return { source, of: (name: string) => settings.get(name), limitations: context.limitations };
}

const answering = (stdout: string, exitStatus = 0): Inventory => ({
  ask: (name) =>
    Promise.resolve({
      name,
      programs: [{ program: 'sshd', outcome: 'ended', exitStatus, stdout, error: 'no hostkeys' }],
      facts: {},
    }),
});

describe('the settings of sshd', () => {
  it('are what the server says, where it can be asked', async () => {
    const { of, source, limitations } = await sshdOf(
      { 'etc/ssh/sshd_config': 'PermitRootLogin yes\n' },
      answering('port 22\npermitrootlogin without-password\nacceptenv LANG\nacceptenv LC_*\n'),
    );
    expect(source).toBe('program');
    expect(of?.('permitrootlogin')).toEqual(['without-password']);
    expect(of?.('acceptenv')).toEqual(['LANG', 'LC_*']);
    expect(limitations).toEqual([]);
  });

  it('are those of the files where the server fails, and say so', async () => {
    const { of, source, limitations } = await sshdOf(
      { 'etc/ssh/sshd_config': 'PermitRootLogin yes\n' },
      answering('', 1),
    );
    expect([source, of?.('permitrootlogin')]).toEqual(['files', ['yes']]);
    expect(limitations).toEqual([
      'The settings of sshd are those of its files, and those of OpenSSH 9 where nothing is written: sshd -T ended with 1: no hostkeys.',
    ]);
  });

  it('are the first that are written, included files at their place, blocks left aside', async () => {
    const { of, limitations } = await sshdOf({
      'etc/ssh/sshd_config': [
        '# X11Forwarding no',
        'Include /etc/ssh/sshd_config.d/*.conf',
        'X11Forwarding yes',
        'maxauthtries=3 # few',
        'ChallengeResponseAuthentication no',
        'AllowUsers anna',
        'AllowUsers "otto"',
        'Match User kiosk',
        '  PermitEmptyPasswords yes',
      ].join('\n'),
      'etc/ssh/sshd_config.d/10-first.conf': 'PermitRootLogin no\nMatch all\nMaxAuthTries 9\n',
      'etc/ssh/sshd_config.d/20-then.conf': 'PermitRootLogin yes\nX11Forwarding no\n',
      'etc/ssh/sshd_config.d/30.off': 'PasswordAuthentication no\n',
    });
    expect(of?.('permitrootlogin')).toEqual(['no']);
    expect(of?.('x11forwarding')).toEqual(['no']);
    expect(of?.('maxauthtries')).toEqual(['3']);
    expect(of?.('kbdinteractiveauthentication')).toEqual(['no']);
    expect(of?.('permitemptypasswords')).toEqual(['no']);
    expect(of?.('passwordauthentication')).toEqual(['yes']);
    expect(of?.('allowusers')).toEqual(['anna', 'otto']);
    expect(limitations[0]).toContain('Match blocks are left aside');
  });

  it('of the captured Debian are as written there', async () => {
    const paths = capturedRoot('debian-12');
    mkdirSync(`${paths.root}/usr/sbin`, { recursive: true });
    writeFileSync(`${paths.root}/usr/sbin/sshd`, '');
    const context = await factContext(paths);
    const inventory: Inventory = { ask: () => Promise.resolve({ unavailable: 'No.' }) };
    const reading = await readSshd({ ...context, host: { ...context.host, inventory } });
    const settings = 'value' in reading ? reading.value.settings : new Map<string, string[]>();
    expect(settings.get('x11forwarding')).toEqual(['yes']);
    expect(settings.get('permitrootlogin')).toEqual(['prohibit-password']);
    expect(settings.get('usepam')).toEqual(['yes']);
  });

  it('cannot be known where files include each other without end', async () => {
    const { reading } = await sshdOf({ 'etc/ssh/sshd_config': 'Include sshd_config\n' });
    expect(reading).toEqual({ unreadable: '/etc/ssh/sshd_config includes too many files' });
  });

  it('are none where there is no server, though its file was left', async () => {
    const context = await factContext(capturedRoot('debian-12'));
    expect(await readSshd(context)).toEqual({ absent: 'the device has no OpenSSH server' });
  });
});

describe('dropbear', () => {
  it('is judged by the command line of the one that runs', async () => {
    const root = rootOf({
      'proc/7/comm': 'dropbear\n',
      'proc/7/cmdline': '/usr/sbin/dropbear\0-R\0-s\0',
      'proc/9/comm': 'dropbear\n',
      'proc/9/cmdline': '/usr/sbin/dropbear\0-R\0-s\0',
      'etc/default/dropbear': 'DROPBEAR_EXTRA_ARGS="-B"\n',
    });
    expect(await readDropbear(await factContext(root))).toEqual({
      value: [
        {
          from: 'the one that runs',
          passwords: false,
          root: true,
          rootPasswords: false,
          emptyPasswords: false,
        },
      ],
    });
  });

  it('is judged by its file where none runs, and by its defaults where there is none', async () => {
    const of = async (files: Readonly<Record<string, string>>) => {
      const reading = await readDropbear(
        await factContext(rootOf({ 'usr/sbin/dropbear': '', ...files })),
      );
      return 'value' in reading ? reading.value : reading;
    };
    expect(await of({ 'etc/default/dropbear': 'DROPBEAR_EXTRA_ARGS="-w -B"\n' })).toMatchObject([
      { from: '/etc/default/dropbear', root: false, emptyPasswords: true },
    ]);
    expect(await of({})).toMatchObject([{ from: 'its defaults', rootPasswords: true }]);
    expect(await of({ 'etc/config/dropbear': "config dropbear\n option enable '0'\n" })).toEqual(
      [],
    );
    expect(await readDropbear(await factContext(capturedRoot('busybox')))).toEqual({
      absent: 'the device has no dropbear',
    });
  });
});

describe('host keys', () => {
  it('are found for both servers, and nothing else is taken for one', async () => {
    const root = rootOf({
      'etc/ssh/ssh_host_rsa_key': '',
      'etc/ssh/ssh_host_rsa_key.pub': '',
      'etc/ssh/sshd_config': '',
      'etc/dropbear/dropbear_ed25519_host_key': '',
    });
    const reading = await readHostKeys(await factContext(root));
    const keys = 'value' in reading ? reading.value : [];
    expect(keys.map(({ path, isPublic }) => [path, isPublic])).toEqual([
      ['/etc/ssh/ssh_host_rsa_key', false],
      ['/etc/ssh/ssh_host_rsa_key.pub', true],
      ['/etc/dropbear/dropbear_ed25519_host_key', false],
    ]);
  });
});
