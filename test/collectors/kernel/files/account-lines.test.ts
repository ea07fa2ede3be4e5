import { describe, expect, it } from 'vitest';
import {
  parseAccount,
  parseGroup,
  parsePasswordRecord,
} from '../../../../collectors/kernel/files/account-lines.js';

describe('a line of passwd', () => {
  // Each was given to fgetpwent(3) of glibc 2.36; getpwnam(3) passes over what begins with a mark of NIS.
  it.each([
    ['a:x:0:0:\0::/:/bin/sh', 'a 0 0'],
    ['a:x:0:0\0', 'a 0 0'],
    ['a:x:-0:-00::/:/bin/sh', 'a 0 0'],
    ['a:x: +0:0::/:/bin/sh:x:y', 'a 0 0'],
    ['a:x:0:0', 'a 0 0'],
    ['a:x:00000000000000000000000:0::/:', 'a 0 0'],
    [' \v\t\fa:x:0:0:::', 'a 0 0'],
    ['\u00a0root:x:0:0:::', '\u00a0root 0 0'],
    ['a b:x:0:0:::', 'a b 0 0'],
    ['a:x:0', 'malformed'],
    ['a:x::0:::', 'malformed'],
    ['a:x:0x0:0:::', 'malformed'],
    ['a:x:0 :0:::', 'malformed'],
    ['a:x:4294967296:0:::', 'malformed'],
    ['a:x:-1:0:::', 'malformed'],
    ['a:x:\0:0:::', 'malformed'],
    ['\0a:x:0:0:::', 'passed-over'],
    ['#a:x:0:0:::', 'passed-over'],
    ['+a:x:0:0:::', 'passed-over'],
    [' -a:x:0:0:::', 'passed-over'],
    ['+::::::', 'passed-over'],
  ])('%j is what the C library has it to be: %s', (line, expected) => {
    const account = parseAccount(line);
    expect(
      typeof account === 'string' ? account : `${account.name} ${account.uid} ${account.gid}`,
    ).toBe(expected);
  });
});

describe('a field of a password', () => {
  const yescrypt = `$y$j9T$salt$${'a'.repeat(43)}`;
  it.each([
    ['', { state: 'empty' }],
    [yescrypt, { state: 'set', algorithm: 'yescrypt' }],
    [`!${yescrypt}`, { state: 'locked', algorithm: 'yescrypt' }],
    [`*LK*${yescrypt}`, { state: 'none' }],
    [`*!${yescrypt}`, { state: 'locked', algorithm: 'yescrypt' }],
    ['a'.repeat(13), { state: 'set', algorithm: 'DES' }],
    ['$secret$', { state: 'set', algorithm: 'other' }],
    ['$constructor$', { state: 'none' }],
    ['x', { state: 'none' }],
    ['*', { state: 'none' }],
  ])('%j tells how it stands and never what it is', (field, expected) => {
    expect(parsePasswordRecord(`a:${field}:1::::::`)).toMatchObject({
      name: 'a',
      password: expected,
    });
    expect(parseAccount(`a:${field}:0:0`)).toMatchObject({
      password: field === 'x' ? 'elsewhere' : expected,
    });
  });
});

describe('a line of group', () => {
  it.each([
    [' root:x:+0:a, b ,,c', { name: 'root', gid: 0, members: ['a', 'b', 'c'] }],
    ['root:x:0', { name: 'root', gid: 0, members: [] }],
    ['root:x:0:a:b,c\0,d', { name: 'root', gid: 0, members: ['a:b', 'c'] }],
    ['root:x::a', 'malformed'],
    ['+:::', 'passed-over'],
  ])('%j is taken as leniently', (line, expected) => {
    expect(parseGroup(line)).toEqual(expected);
  });
});
