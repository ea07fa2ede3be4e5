import { describe, expect, it } from 'vitest';
import { readPam } from '../../../../collectors/os-baseline/facts/pam.js';
import { readSudoers } from '../../../../collectors/os-baseline/facts/sudoers.js';
import { capturedRoot, rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

const pamOf = async (paths: ReturnType<typeof rootOf>) => {
  const reading = await readPam(await factContext(paths));
  if (!('value' in reading)) return reading;
  const { services, settings } = reading.value;
  const modules = (service: string, type: string) =>
    services
      .get(service)
      ?.filter((rule) => rule.type === type)
      .map(({ module }) => module);
  return { services, settings, modules };
};

describe('the rules of PAM', () => {
  it('of the captured Debian are those of a service and of what it includes', async () => {
    const pam = await pamOf(capturedRoot('debian-12'));
    if (!('services' in pam)) throw new Error(JSON.stringify(pam));
    expect(pam.modules('sshd', 'auth')).toEqual(['pam_unix.so', 'pam_deny.so', 'pam_permit.so']);
    expect(pam.modules('su', 'auth')?.[0]).toBe('pam_rootok.so');
    const [unix] = pam.services.get('passwd')?.filter(({ type }) => type === 'password') ?? [];
    expect(unix).toEqual({
      type: 'password',
      control: '[success=1 default=ignore]',
      module: 'pam_unix.so',
      arguments: ['obscure', 'yescrypt'],
    });
    expect(pam.services.has('dropbear')).toBe(false);
    expect(pam.settings.get('faillock.conf')?.size).toBe(0);
  });

  it('include those of one type alone, from the place of the vendor where there is no other', async () => {
    const pam = await pamOf(
      rootOf({
        'usr/lib/pam.d/login': 'auth substack system-auth\n-session optional pam_systemd.so\n',
        'etc/pam.d/system-auth':
          'auth required pam_faillock.so \\\n  deny=4\npassword required pam_unix.so\n',
        'etc/security/faillock.conf.d/a.conf': 'deny = 2\nsilent\n',
        'etc/security/faillock.conf': '# deny = 9\ndeny = 3\n',
      }),
    );
    if (!('services' in pam)) throw new Error(JSON.stringify(pam));
    expect(pam.services.get('login')).toEqual([
      { type: 'auth', control: 'required', module: 'pam_faillock.so', arguments: ['deny=4'] },
      { type: 'session', control: 'optional', module: 'pam_systemd.so', arguments: [] },
    ]);
    expect([...(pam.settings.get('faillock.conf') ?? [])]).toEqual([
      ['deny', '3'],
      ['silent', ''],
    ]);
  });

  it('cannot be known where files include each other, or one file holds them all', async () => {
    expect(await pamOf(rootOf({ 'etc/pam.d/login': '@include login\n' }))).toEqual({
      unreadable: 'the rules of PAM in login include each other without end',
    });
    expect(await pamOf(rootOf({ 'etc/pam.conf': '' }))).toHaveProperty('unreadable');
  });

  it('are none on a system that has only busybox', async () => {
    expect(await pamOf(capturedRoot('busybox'))).toEqual({ absent: 'the device has no PAM' });
  });
});

describe('sudoers', () => {
  it('are read with what they include, except for names that sudo passes over', async () => {
    const root = rootOf({
      'etc/sudoers': 'Defaults use_pty\n@includedir /etc/sudoers.d\n#include sudoers.local\n',
      'etc/sudoers.d/010_pi': 'pi ALL=(ALL) NOPASSWD: ALL\n',
      'etc/sudoers.d/old.bak': 'otto ALL=(ALL) NOPASSWD: ALL\n',
      'etc/sudoers.d/old~': 'otto ALL=(ALL) NOPASSWD: ALL\n',
      'etc/sudoers.local': 'Defaults !syslog\n',
    });
    expect(await readSudoers(await factContext(root))).toEqual({
      value: { defaults: ['use_pty', '!syslog'], passwordless: ['pi'] },
    });
  });

  it('of the captured Debian let nobody in without a password', async () => {
    expect(await readSudoers(await factContext(capturedRoot('debian-12')))).toMatchObject({
      value: { passwordless: [] },
    });
  });

  it('cannot be known where files include each other', async () => {
    const root = rootOf({ 'etc/sudoers': '@include /etc/sudoers\n' });
    expect(await readSudoers(await factContext(root))).toEqual({
      unreadable: '/etc/sudoers includes too many files',
    });
  });
});
