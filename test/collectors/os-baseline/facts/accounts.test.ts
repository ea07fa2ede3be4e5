import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasLoginShell, readAccounts } from '../../../../collectors/os-baseline/facts/accounts.js';
import { readHomes } from '../../../../collectors/os-baseline/facts/homes.js';
import { readPasswords } from '../../../../collectors/os-baseline/facts/passwords.js';
import { readShellDefaults } from '../../../../collectors/os-baseline/facts/shell-defaults.js';
import { type CapturedSystem, capturedRoot, rootOf } from '../../../support/captured-roots.js';
import { factContext } from '../fact-context.js';

async function passwordsOf(paths: ReturnType<typeof rootOf>) {
  const reading = await readPasswords(await factContext(paths));
  if (!('value' in reading)) throw new Error(JSON.stringify(reading));
  return [...reading.value.byName].filter(([, { state }]) => state !== 'none');
}

describe('passwords', () => {
  it('of the captured systems stand as a person reads them', async () => {
    const expected: Partial<Record<CapturedSystem, unknown>> = {
      'debian-12': [
        ['anna', { state: 'set', algorithm: 'yescrypt', inPasswd: false }],
        ['kiosk', { state: 'empty', inPasswd: false }],
        ['service', { state: 'locked', algorithm: 'SHA-512', inPasswd: false }],
      ],
      busybox: [['root', { state: 'empty', inPasswd: false }]],
      'yocto-read-only': [['root', { state: 'empty', inPasswd: false }]],
      container: [],
    };
    for (const [system, passwords] of Object.entries(expected))
      expect(await passwordsOf(capturedRoot(system as CapturedSystem)), system).toEqual(passwords);
  });

  it('leave no hash in the fact', async () => {
    const reading = await readPasswords(await factContext(capturedRoot('debian-12')));
    const kept = JSON.stringify('value' in reading ? [...reading.value.byName] : reading);
    expect(kept).toContain('yescrypt');
    expect(kept).not.toMatch(/\$|OMHM0VU|zosX18jl/);
  });

  it('cannot be known where shadow cannot be read, unless none stands there', async () => {
    const shadow = 'x'.repeat(5 * 1024 * 1024);
    const unread = await readPasswords(
      await factContext(rootOf({ 'etc/passwd': 'root:x:0:0::/:/bin/sh\n', 'etc/shadow': shadow })),
    );
    expect(unread).toHaveProperty('unreadable');
    const root = rootOf({ 'etc/passwd': 'root::0:0::/:/bin/sh\n', 'etc/shadow': shadow });
    expect(await passwordsOf(root)).toEqual([['root', { state: 'empty', inPasswd: true }]]);
  });
});

describe('accounts', () => {
  it('that somebody can work with are told by their shell', async () => {
    const reading = await readAccounts(await factContext(capturedRoot('debian-12')));
    const all = 'value' in reading ? reading.value.all : [];
    expect(all).toHaveLength(27);
    expect(all.filter(hasLoginShell).map(({ name }) => name)).toEqual([
      'root',
      'anna',
      'kiosk',
      'service',
    ]);
  });
});

describe('homes', () => {
  it('are read with their dot files and keys, and none is made up', async () => {
    const paths = capturedRoot('debian-12');
    const anna = `${paths.root}/home/anna`;
    mkdirSync(`${anna}/.ssh`, { recursive: true });
    writeFileSync(`${anna}/.netrc`, 'machine x password y\n');
    writeFileSync(`${anna}/.ssh/authorized_keys`, '# mine\n\nssh-ed25519 AAAA anna\n');
    chmodSync(`${anna}/.netrc`, 0o666);
    const reading = await readHomes(await factContext(paths));
    const homes = 'value' in reading ? reading.value : [];
    const found = homes.find(({ account }) => account.name === 'anna');
    expect(found?.dotFiles).toMatchObject([{ name: '.netrc', mode: 0o666 }]);
    expect(found?.authorizedKeys).toMatchObject([
      { path: '/home/anna/.ssh/authorized_keys', count: 1 },
    ]);
    expect(homes.find(({ account }) => account.name === 'kiosk')?.state).toBeUndefined();
  });
});

describe('what a shell begins with', () => {
  it('is what the files of a Debian name', async () => {
    const reading = await readShellDefaults(await factContext(capturedRoot('debian-12')));
    if (!('value' in reading)) throw new Error(JSON.stringify(reading));
    expect(reading.value.umasks).toEqual([{ file: '/etc/login.defs', value: 0o022 }]);
    expect(reading.value.timeouts).toEqual([]);
    expect(reading.value.rootPath.map(({ directory }) => directory)).toContain('/usr/local/sbin');
  });

  it('is nothing where no file names it', async () => {
    const paths = capturedRoot('busybox');
    rmSync(`${paths.root}/etc/profile`);
    expect(await readShellDefaults(await factContext(paths))).toEqual({
      absent: 'no file says what a login begins with',
    });
  });
});
