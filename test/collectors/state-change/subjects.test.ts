import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Subject } from '../../../collectors/interface/state-subject.js';
import type { FileEventSubscriber } from '../../../collectors/kernel/files/inotify.js';
import { pathsUnder } from '../../../collectors/kernel/paths.js';
import { Marks } from '../../../collectors/state-change/remembered.js';
import { groupMember } from '../../../collectors/state-change/subjects/group-member.js';
import {
  kernelModule,
  parseModule,
} from '../../../collectors/state-change/subjects/kernel-module.js';
import { password } from '../../../collectors/state-change/subjects/password.js';
import { unit } from '../../../collectors/state-change/subjects/unit.js';
import { user } from '../../../collectors/state-change/subjects/user.js';
import { fakeHost } from '../../support/case-host.js';

let root: string;
let marks: Marks;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'subjects-'));
  marks = new Marks(undefined);
});

afterEach(() => rmSync(root, { recursive: true }));

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function link(path: string, target: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  symlinkSync(target, join(root, path));
}

async function look(subject: Subject): Promise<Record<string, string> | string> {
  const items = await subject.look({
    host: fakeHost({ paths: pathsUnder(root) }),
    signal: new AbortController().signal,
    lose: () => undefined,
    known: undefined,
    mark: marks.of,
  });
  return 'unavailable' in items ? items.unavailable : Object.fromEntries(items);
}

describe('Users and members of groups', () => {
  it('are told by what an operator knows them by, each line of its own', async () => {
    put(
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/bash\nanna:x:1000:1000:Anna:/home/anna:\nanna:x:0:0::/:/bin/sh\n+nis\nbroken\n',
    );
    put('etc/group', 'root:x:0:\nsudo:x:27:anna,root\nsudo:x:27:bert\n');
    expect(await look(user)).toEqual({
      root: 'uid 0, group 0, home /root, shell /bin/bash',
      anna: 'uid 1000, group 1000, home /home/anna, shell (default)',
      'anna (2)': 'uid 0, group 0, home /, shell /bin/sh',
    });
    expect(await look(groupMember)).toEqual({
      'anna in sudo': 'gid 27',
      'root in sudo': 'gid 27',
      'bert in sudo': 'gid 27',
    });
  });

  it('are not known where their file is not there', async () => {
    expect(await look(user)).toBe(`${root}/etc/passwd does not exist.`);
    expect(await look(groupMember)).toBe(`${root}/etc/group does not exist.`);
  });
});

describe('A password', () => {
  const hash = (salt: string): string => `$y$j9T$${salt}$${'h'.repeat(43)}`;
  const passwd =
    'anna:x:1000:1000::/home/anna:/bin/sh\nbert::1001:1001::/:/bin/sh\ncarl:x:1:1::/:/bin/sh\n';
  const shadow = (field: string): string => `anna:${field}:20000:0:99999:7::20454:\n`;
  async function looked(field: string): Promise<string> {
    put('etc/passwd', passwd);
    put('etc/shadow', shadow(field));
    const items = await look(password);
    return typeof items === 'string' ? items : (items['anna'] ?? 'missing');
  }

  it('is told by how it stands, and neither its hash nor what it is compared by is in that', async () => {
    const text = await looked(hash('one'));
    const told = password.shown?.(undefined, text);
    expect(told).toEqual({
      after: 'set (yescrypt), last changed 2024-10-04, account closed from 2026-01-01 on',
    });
    expect(text).not.toContain(hash('one'));
    expect(await look(password)).toMatchObject({ bert: 'empty', carl: 'none' });
  });

  it('that was changed on the same day is another, and one that was locked is the same', async () => {
    const [one, another, locked] = [
      await looked(hash('one')),
      await looked(hash('two')),
      await looked(`!${hash('one')}`),
    ];
    expect(another).not.toBe(one);
    expect(password.shown?.(one, another).after).toMatch(/^set .*, another password than before$/);
    expect(password.shown?.(one, locked).after).toMatch(
      /^locked \(yescrypt\), last changed \S+, account closed from \S+ on$/,
    );
    expect(await looked(hash('one'))).toBe(one);
  });

  it('has another mark with another key, so that marks of two devices say nothing', () => {
    expect(new Marks(undefined).of('x')).not.toBe(new Marks(undefined).of('x'));
    expect(new Marks('ab'.repeat(32)).of('x')).toBe(new Marks('ab'.repeat(32)).of('x'));
  });
});

describe('A unit', () => {
  beforeEach(() => {
    put('usr/lib/systemd/system/ssh.service', 'ssh');
    put('usr/lib/systemd/system/getty@.service', 'getty');
    put('usr/lib/systemd/system/notes.txt', 'none');
    symlinkSync('usr/lib', join(root, 'lib'));
  });

  it('is told with its file, its drop-ins and what starts it, once however many paths lead to it', async () => {
    put('etc/systemd/system/evil.service', 'evil');
    put('etc/systemd/system/ssh.service.d/more.conf', 'ExecStartPre=/evil');
    put('etc/systemd/system/getty@tty1.service.d/x.txt', '');
    link('etc/systemd/system/sshd.service', '../../../lib/systemd/system/ssh.service');
    link('etc/systemd/system/linked.service', '/opt/linked.service');
    link('etc/systemd/system/off.service', '/dev/null');
    link('etc/systemd/system/multi-user.target.wants/evil.service', '../evil.service');
    link('etc/systemd/system/multi-user.target.wants/gone.service', '../gone.service');
    link('etc/systemd/system/getty.target.wants/getty@tty1.service', '/lib/x');
    const content = '[0-9a-f]{12}';
    expect(await look(unit)).toEqual({
      'ssh.service': expect.stringMatching(
        RegExp(
          `^${root}/usr/lib/systemd/system/ssh.service ${content}; drop-ins more.conf ${content}$`,
        ),
      ) as string,
      'getty@.service': expect.stringMatching(/getty@\.service [0-9a-f]{12}$/) as string,
      'evil.service': expect.stringMatching(
        RegExp(
          `^${root}/etc/systemd/system/evil.service ${content}; started by multi-user.target$`,
        ),
      ) as string,
      'getty@tty1.service': 'no file of its own; started by getty.target',
      'linked.service': 'link to /opt/linked.service that is not there',
      'off.service': 'masked',
      'sshd.service': 'alias of ssh.service',
    });
  });

  it('has another text when its file has another content, or another file stands before it', async () => {
    const before = await look(unit);
    put('usr/lib/systemd/system/ssh.service', 'other');
    const changed = await look(unit);
    put('etc/systemd/system/ssh.service', 'other');
    const overridden = await look(unit);
    const texts = [before, changed, overridden].map(
      (items) => (items as Record<string, string>)['ssh.service'],
    );
    expect(new Set(texts).size).toBe(3);
  });

  it('may be a script of init, with when it is started', async () => {
    put('etc/init.d/net', 'net');
    put('etc/init.d/README', 'text');
    link('etc/rc2.d/S01net', '../init.d/net');
    link('etc/rc3.d/S01net', '../init.d/net');
    link('etc/rc6.d/K01net', '../init.d/net');
    link('etc/runlevels/default/net', '/etc/init.d/net');
    expect(await look(unit)).toMatchObject({
      'init.d/net': expect.stringMatching(/^[0-9a-f]{12}; started in 2, 3, default$/) as string,
      'init.d/README': expect.stringMatching(/^[0-9a-f]{12}$/) as string,
    });
  });

  it('is watched in directories that come later, too, and no more in those that went', async () => {
    let told: FileEventSubscriber | undefined;
    const watched = new Set<string>();
    let changes = 0;
    await unit.watch?.({
      host: fakeHost({
        paths: pathsUnder(root),
        fileEvents: {
          subscribe: (subscriber) => {
            told = subscriber;
            for (const path of subscriber.paths) watched.add(path);
            return Promise.resolve({
              watch: (path) => void watched.add(path),
              unwatch: (path) => watched.delete(path),
              end: () => undefined,
            });
          },
        },
      }),
      lose: () => undefined,
      changed: () => changes++,
      limit: () => undefined,
      fail: () => undefined,
    });
    const path = `${root}/etc/systemd/system/x.target.wants`;
    const event = { path, cookie: 0, isDirectory: true };
    expect(watched).toContain(`${root}/etc/systemd/system`);
    told?.onEvent({ ...event, kind: 'created' });
    expect([watched.has(path), changes]).toEqual([true, 1]);
    told?.onEvent({ ...event, kind: 'deleted' });
    expect([watched.has(path), changes]).toEqual([false, 2]);
  });
});

describe('A module of the kernel', () => {
  it.each([
    ['loop 40960 0 - Live 0xffffffffc0a00000', { name: 'loop', text: '40960 bytes' }],
    [
      'evil 16384 1 loop,dm_mod, Live 0x0000000000000000 (OE)',
      { name: 'evil', text: '16384 bytes, out of tree, unsigned' },
    ],
    ['built 1 - - Live 0x0', undefined],
    ['going 16384 0 - Unloading 0x0', undefined],
    ['', undefined],
  ])('is read from %s', (line, found) => {
    expect(parseModule(line)).toEqual(found);
  });

  it('is none where the kernel was built without', async () => {
    expect(await look(kernelModule)).toEqual({});
    put('proc/modules', 'loop 40960 0 - Live 0x0\ngoing 1 0 - Unloading 0x0\n');
    expect(await look(kernelModule)).toEqual({ loop: '40960 bytes' });
  });
});
