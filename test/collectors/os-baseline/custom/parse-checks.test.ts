import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../../../collectors/os-baseline/checks/check.js';
import { parseAccounts } from '../../../../collectors/os-baseline/facts/accounts.js';
import { CustomChecksError } from '../../../../collectors/os-baseline/custom/custom-error.js';
import { customKindNames } from '../../../../collectors/os-baseline/custom/kinds.js';
import { parseCustomChecks } from '../../../../collectors/os-baseline/custom/parse-checks.js';
import { mountsOf, parseMountInfo } from '../../../../collectors/os-baseline/facts/mounts.js';
import type { Units } from '../../../../collectors/os-baseline/facts/units.js';
import { denied, judged, none } from '../judged.js';

const head = 'version: 1\nchecks:\n';
const entry = (kind: string): string =>
  `  - id: mine\n    title: It is well.\n    severity: Warning\n    remedy: Make it well.\n    ${kind}\n`;

async function one(kind: string): Promise<Check> {
  const [check] = await parseCustomChecks(head + entry(kind));
  if (check === undefined) throw new Error('no check');
  return check;
}

const pass = { result: 'pass' };
const fail = (found: string) => ({ result: 'fail', found });
const state = (mode: number, uid = 0, gid = 0) => ({ kind: 'file', mode, uid, gid, sizeBytes: 1 });

describe('a custom check', () => {
  it('asks whether a file is there', async () => {
    const wanted = await one('file: { path: /etc/a }');
    expect(judged(wanted, [state(0o644)])).toEqual(pass);
    expect(judged(wanted, [none])).toEqual(fail('/etc/a does not exist'));
    expect(judged(wanted, [denied])).toMatchObject({ result: 'error' });
    const unwanted = await one('file: { path: /etc/a, exists: false }');
    expect(judged(unwanted, [none])).toEqual(pass);
    expect(judged(unwanted, [state(0o644)])).toEqual(fail('/etc/a exists'));
  });

  it('asks for owner, group and mode', async () => {
    const check = await one('permission: { path: /a, mode: "0640", owner: app, group: web }');
    const accounts = parseAccounts('root:x:0:0::/:/bin/sh\napp:x:7:7::/:/bin/sh\n');
    const groups = [{ name: 'web', gid: 9, members: [] }];
    expect(judged(check, [state(0o640, 7, 9), accounts, groups])).toEqual(pass);
    expect(judged(check, [state(0o600, 7, 9), accounts, groups])).toEqual(pass);
    expect(judged(check, [state(0o644, 0, 0), accounts, groups])).toEqual(
      fail('owned by user 0, group 0, mode 0644'),
    );
    expect(judged(check, [state(0o640, 7, 9), parseAccounts(''), groups])).toMatchObject({
      result: 'error',
    });
    expect(judged(check, [none, accounts, groups])).toMatchObject({ result: 'notApplicable' });
  });

  it('asks for a parameter of the kernel', async () => {
    const check = await one(
      'sysctl: { name: net.ipv4.tcp_rmem, values: ["4096 131072 6291456", 5] }',
    );
    expect(judged(check, ['4096\t131072\t6291456'])).toEqual(pass);
    expect(judged(check, ['5'])).toEqual(pass);
    expect(judged(check, ['6'])).toEqual(fail('net.ipv4.tcp_rmem has another value'));
  });

  it('asks for a mount and its options', async () => {
    const check = await one('mount: { path: /data, options: [nosuid, ro] }');
    const mounts = (text: string) => [mountsOf(parseMountInfo(text))];
    expect(judged(check, mounts('1 0 8:1 / /data rw,nosuid - ext4 /dev/a ro'))).toEqual(pass);
    expect(judged(check, mounts('1 0 8:1 / /data rw - ext4 /dev/a ro'))).toEqual(
      fail('/data lacks nosuid'),
    );
    expect(judged(check, mounts(''))).toEqual(fail('/data is not a mount of its own'));
  });

  it('asks what a unit does', async () => {
    const given = (enabled: boolean, active?: boolean): [Units] => [
      {
        source: active === undefined ? 'files' : 'bus',
        all: new Map([
          ['a.service', { enabled, masked: false, ...(active !== undefined && { active }) }],
        ]),
      },
    ];
    const running = await one('unit: { name: a.service, state: running }');
    expect(judged(running, given(true, true))).toEqual(pass);
    expect(judged(running, given(true, false))).toEqual(fail('a.service does not run'));
    expect(judged(running, given(true))).toMatchObject({ result: 'error' });
    const enabled = await one('unit: { name: a.service, state: enabled }');
    expect(judged(enabled, given(true))).toEqual(pass);
    expect(judged(enabled, given(false, true))).toEqual(fail('a.service is not enabled'));
    const off = await one('unit: { name: a.service, state: "off" }');
    expect(judged(off, given(false, false))).toEqual(pass);
    expect(judged(off, given(false, true))).toEqual(fail('a.service runs'));
    expect(judged(off, given(true))).toEqual(fail('a.service is enabled'));
  });

  it('asks for a package', async () => {
    const packages = [{ manager: 'dpkg', versions: new Map([['gcc', '12']]) }];
    expect(judged(await one('package: { name: gcc }'), packages)).toEqual(pass);
    expect(judged(await one('package: { name: g++ }'), packages)).toEqual(
      fail('g++ is not installed'),
    );
    expect(judged(await one('package: { name: gcc, installed: false }'), packages)).toEqual(
      fail('gcc 12 is installed'),
    );
  });

  it('asks who listens at a port', async () => {
    const at = (address: string, loopback: boolean) => [
      [{ transport: 'tcp', address, port: 23, loopback, executable: '/usr/sbin/telnetd' }],
    ];
    const text = (open: string) => `listener: { transport: tcp, port: 23, open: ${open} }`;
    expect(judged(await one(text('nowhere')), [[]])).toEqual(pass);
    expect(judged(await one(text('nowhere')), at('::', false))).toEqual(
      fail('/usr/sbin/telnetd at ::'),
    );
    expect(judged(await one(text('on-loopback')), at('127.0.0.1', true))).toEqual(pass);
    expect(judged(await one(text('on-loopback')), at('0.0.0.0', false))).toEqual(
      fail('/usr/sbin/telnetd at 0.0.0.0'),
    );
    expect(judged(await one(text('anywhere')), [[]])).toEqual(fail('nothing listens there'));
  });

  it('asks whether a line matches, and never tells the line', async () => {
    const wanted = await one(`text: { path: /a, pattern: '^mode=secure$' }`);
    expect(judged(wanted, ['x\nmode=secure\n'])).toEqual(pass);
    expect(judged(wanted, ['mode=secure\r\n'])).toEqual(pass);
    expect(judged(wanted, ['# mode=secure'])).toEqual(fail('no line of /a matches'));
    const unwanted = await one(`text: { path: /a, pattern: 'password=.+', present: false }`);
    expect(judged(unwanted, ['a\npassword=hunter2\n'])).toEqual(fail('line 2 of /a matches'));
    expect(judged(unwanted, ['a'.repeat(70_000)])).toMatchObject({ result: 'error' });
  });

  it('searches a text in time that its pattern cannot blow up', async () => {
    const check = await one(`text: { path: /a, pattern: '^(a+)+$' }`);
    expect(judged(check, [`${'a'.repeat(60_000)}b`])).toEqual(fail('no line of /a matches'));
  });
});

describe('a file of custom checks', () => {
  const refused = async (text: string): Promise<string> => {
    const refusal = await parseCustomChecks(text).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(CustomChecksError);
    return (refusal as Error).message;
  };

  it('is the example, which has every kind', async () => {
    const path = join(import.meta.dirname, '../../../../examples/baseline-checks.yml');
    const text = readFileSync(path, 'utf8');
    const checks = await parseCustomChecks(text);
    expect(checks).toHaveLength(customKindNames.length);
    for (const kind of customKindNames) expect(text).toMatch(new RegExp(`^    ${kind}: `, 'm'));
  });

  it('is refused as a whole with the check and the key that are wrong', async () => {
    const rows: readonly (readonly [string, RegExp])[] = [
      ['', /not YAML/],
      ['just text', /mapping/],
      ['version: 2\nchecks: []', /version: 1/],
      ['version: 1\nchecks: 3', /checks of the file/],
      ['version: 1\nchecks: []\nmore: 1', /Take out a key of the file/],
      [head + entry(''), /Give check mine exactly one of file, permission/],
      [
        head + entry('file: { path: /a }\n    unit: { name: a.service, state: "off" }'),
        /exactly one/,
      ],
      [head + entry('file: { path: a }'), /Correct path of file of check mine/],
      [head + entry('file: { path: /a, exist: true }'), /Take out a key of file of check mine/],
      [head + entry('permission: { path: /a, mode: 0640 }'), /quotes/],
      [head + entry("text: { path: /a, pattern: '(?=a)' }"), /look-around/],
      [head + entry("text: { path: /a, pattern: '(a{900}b){90}' }"), /regular expression|Simplify/],
      [head + entry('listener: { transport: tcp, port: 70000, open: nowhere }'), /1 to 65535/],
      [head + entry('file: { path: /a }') + entry('file: { path: /b }'), /Two checks have the id/],
      ['a: &x [1]\nb: *x', /not YAML without aliases/],
      ['a: [[[[[[[[[[1]]]]]]]]]]', /levels deep/],
      ['a: !!js/function "x"', /not YAML/],
      ['a: {', /at line/],
    ];
    for (const [text, says] of rows) expect(await refused(text), text).toMatch(says);
  });

  it('can hold anything, and is taken or refused', async () => {
    const piece = fc.constantFrom(
      'version: 1',
      'checks:',
      '  - id: mine',
      'file:',
      '{',
      '}',
      '[',
      '*a',
      '&a',
      '!!set',
      '<<:',
      '\n',
      '"',
      '- ',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((all) => all.join('')),
        ),
        async (text) => {
          await parseCustomChecks(text).catch((error: unknown) =>
            expect(error).toBeInstanceOf(CustomChecksError),
          );
        },
      ),
    );
  });
});
