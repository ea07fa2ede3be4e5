import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Paths } from '../../../collectors/kernel/paths.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { localUsers } from '../../../collectors/local-users/index.js';
import { checkPayload } from '../../../contract/payload-check.js';
import {
  type CapturedSystem,
  capturedRoot,
  capturedSystems,
  manyGroups,
  manyGroupsRoot,
  rootOf,
} from '../../support/captured-roots.js';
import { fakeHost } from '../../support/case-host.js';

async function collect(paths: Paths) {
  const lose = vi.fn();
  const states: SourceState[] = [];
  const payloads = await localUsers.collect({
    host: fakeHost({ paths }),
    signal: new AbortController().signal,
    lose,
    setSource: (state) => states.push(state),
  });
  if ('unavailable' in payloads) throw new Error(payloads.unavailable);
  for (const payload of payloads) expect(checkPayload('LocalUsers', payload)).toBeUndefined();
  const lines = payloads.map(({ UserName, UserId, GroupIds, GroupNames, ExtraDetails = {} }) => {
    const { Password, PasswordAlgorithm, PasswordChanged, AccountExpires } = ExtraDetails;
    const state = [Password ?? 'not known', PasswordAlgorithm, PasswordChanged, AccountExpires];
    return [`${UserName} ${UserId} ${GroupIds} ${GroupNames}`, ...state.filter(Boolean)].join(' ');
  });
  const of = (name: string) => payloads.find(({ UserName }) => UserName === name)?.ExtraDetails;
  return { payloads, lines, of, lose, limitation: states.at(-1)?.limitation };
}

const expected = (system: CapturedSystem) =>
  readFileSync(join(import.meta.dirname, 'expected', `${system}.txt`), 'utf8')
    .trimEnd()
    .split('\n');

describe('the users of', () => {
  // What a person read in passwd, group and shadow of the root, one user a line.
  it.each(capturedSystems)('%s are those of its files, with their groups', async (system) => {
    const { lines, lose } = await collect(capturedRoot(system));
    expect(lines).toEqual(expected(system));
    expect(lose).not.toHaveBeenCalled();
  });

  it('a device say which directory services know more', async () => {
    const yocto = await collect(capturedRoot('yocto-read-only'));
    expect(yocto.limitation).toContain('this device asks systemd.');
    expect(yocto.of('root')).toMatchObject({ NotEnumerated: 'systemd' });
    const root = rootOf({
      'etc/passwd': 'root:x:0:0::/:\n+::::::\n',
      'etc/nsswitch.conf':
        '# sources\npasswd: files sss [NOTFOUND=return] ldap # old\ngroup:\tfiles winbind\nhosts: dns\n',
    });
    const joined = await collect(root);
    expect(joined.of('root')).toMatchObject({ NotEnumerated: 'nis;sss;ldap;winbind' });
    expect(joined.payloads).toHaveLength(1);
  });

  it('a device with 5,000 groups have each with its id', async () => {
    const { payloads, lose } = await collect(manyGroupsRoot());
    const [root, anna, otto] = payloads;
    const names = (root?.GroupNames ?? '').split(';');
    const ids = (root?.GroupIds ?? '').split(';');
    expect(ids).toHaveLength(manyGroups + 1);
    expect(root?.ExtraDetails).not.toHaveProperty('GroupsLeftOut');
    expect(names.slice(0, 3)).toEqual(['root', 'team-0', 'team-1']);
    names.slice(1).forEach((name, index) => {
      expect(name).toBe(`team-${Number(ids[index + 1]) - 10_000}`);
    });
    expect(anna?.GroupIds.split(';')).toHaveLength(manyGroups / 100);
    expect(otto?.GroupNames).toBe(`team-${manyGroups - 1}`);
    expect(lose).not.toHaveBeenCalled();
  });
});

describe('a snapshot of users', () => {
  it('never holds a hash, a salt or the comment of a person', async () => {
    for (const system of capturedSystems) {
      const text = JSON.stringify((await collect(capturedRoot(system))).payloads);
      expect(text).not.toMatch(/\$y\$|\$6\$|f1xedSaltOfTest|uvwxyzABC|555-0100|Anna Berg/u);
    }
  });

  it('says what it does not know where /etc/shadow may not be read', async () => {
    const paths = capturedRoot('debian-12');
    // A folder cannot be read as a file, by root neither.
    rmSync(`${paths.etcRoot}/shadow`);
    mkdirSync(`${paths.etcRoot}/shadow`);
    const { of, limitation, lines } = await collect(paths);
    expect(of('anna')).toMatchObject({ PasswordKnown: 'false' });
    expect(of('anna')).not.toHaveProperty('Password');
    expect(limitation).toContain('States of passwords are not known');
    expect(lines).toHaveLength(27);
  });

  it('says how many groups it leaves out where the lists would be too long', async () => {
    const groups = Array.from({ length: 20_000 }, (_, gid) => `team-${gid}:x:${gid}:root`);
    const root = rootOf({ 'etc/passwd': 'root:x:0:0::/:\n', 'etc/group': groups.join('\n') });
    const { payloads } = await collect(root);
    const told = payloads[0]?.GroupIds.split(';').length ?? 0;
    expect(payloads[0]?.GroupNames.split(';')).toHaveLength(told);
    expect(payloads[0]?.ExtraDetails).toMatchObject({ GroupsLeftOut: String(20_000 - told) });
    expect(told).toBeGreaterThan(5_000);
  });

  it('without /etc/group has the ids of the primary groups, and says so', async () => {
    const root = rootOf({ 'etc/passwd': 'root:x:0:0::/root:/bin/sh\n' });
    const { payloads, limitation } = await collect(root);
    expect(payloads[0]).toMatchObject({ GroupIds: '0', GroupNames: '(not known)' });
    expect(payloads[0]?.ExtraDetails).toMatchObject({ GroupsKnown: 'false', Password: 'absent' });
    expect(limitation).toContain('Groups are not known');
  });

  it('without /etc/passwd is not available, which is not the same as nobody', async () => {
    const answer = await localUsers.collect({
      host: fakeHost({ paths: rootOf({ 'etc/group': '' }) }),
      signal: new AbortController().signal,
      lose: vi.fn(),
      setSource: vi.fn(),
    });
    expect(answer).toHaveProperty('unavailable', expect.stringContaining('passwd does not exist'));
  });

  it('tells accounts that share an id or a name, and groups that do', async () => {
    const root = rootOf({
      'etc/passwd': 'root:x:0:0::/:/bin/sh\ntoor:x:0:0::/:/bin/sh\nroot:x:7:7::/:\n',
      'etc/group': 'root:x:0:toor\nwheel:x:0:toor,toor\nodd;name:x:7:toor\nroot:x:9:toor\n',
      'etc/shadow': 'root:!:1::::::\nroot:$6$a$b:2::::::\n',
    });
    const { lines, payloads } = await collect(root);
    expect(lines).toEqual([
      'root 0 0 root locked 1970-01-02',
      'toor 0 0;0;7;9 root;wheel;odd%3Bname;root absent',
      'root 7 7 odd%3Bname locked 1970-01-02',
    ]);
    expect(payloads[0]?.ExtraDetails).toMatchObject({ SameUserId: 'toor' });
    expect(payloads[2]?.ExtraDetails).toMatchObject({ SameName: 'true' });
  });

  it('has every account that the C library would find, however its line is written', async () => {
    const root = rootOf({
      'etc/passwd': [
        '  blank:x:0:0::/:/bin/sh',
        'number:x: 0:+0::/:/bin/sh',
        'zeros:x:0000000000000:00::/:/bin/sh',
        'short:x:0:0',
        'colon:x:0:0::/:/bin/sh:more',
        'carriage:x:0:0::/:/bin/sh\r',
        'old:aBcDeFgHiJkLm:0:0::/:',
        'open::0:0::/:',
        'sign:x:-0:0::/:',
        'nul:x:0:0:\0::/:/bin/sh',
        '# comment:x:0:0::/:',
        'letters:x:zero:0::/:',
        'beyond:x:4294967296:0::/:',
        'minus:x:-1:0::/:',
        ':x:0:0::/:',
        'no colons',
      ].join('\n'),
      'etc/group': 'root:x:0:\nbroken\n\n',
    });
    const { lines, lose } = await collect(root);
    expect(lines.map((line) => line.split(' 0 0 root ').join(': '))).toEqual([
      'blank: absent',
      'number: absent',
      'zeros: absent',
      'short: absent',
      'colon: absent',
      'carriage: absent',
      'old: set DES',
      'open: empty',
      'sign: absent',
      'nul: absent',
    ]);
    expect(lose.mock.calls).toEqual([
      ['unparsed', 5],
      ['unparsed', 1],
    ]);
  });

  it('keeps ids and names aligned, and counts what is no line, whatever the files hold', async () => {
    const root = rootOf({ 'etc/passwd': '' });
    const word = fc.oneof(fc.constantFrom('root', 'a;b', '0', '', '+', '1'), fc.string());
    const line = fc.array(word, { maxLength: 8 }).map((fields) => fields.join(':'));
    const file = fc.array(line, { maxLength: 12 }).map((lines) => lines.join('\n'));
    await fc.assert(
      fc.asyncProperty(file, file, file, async (passwd, group, shadow) => {
        writeFileSync(`${root.etcRoot}/passwd`, passwd);
        writeFileSync(`${root.etcRoot}/group`, group);
        writeFileSync(`${root.etcRoot}/shadow`, shadow);
        const { payloads } = await collect(root);
        for (const { GroupIds, GroupNames, UserId } of payloads) {
          expect(GroupNames.split(';')).toHaveLength(GroupIds.split(';').length);
          expect(Number(UserId)).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 60 },
    );
  });
});
