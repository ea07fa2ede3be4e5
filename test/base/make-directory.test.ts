import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plainReason } from '../../base/errors.js';
import { makeDirectory } from '../../base/make-directory.js';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'make-directory-'));
});
afterEach(() => rmSync(root, { recursive: true }));

test('makes what is missing, with the mode for each, and tells whether it made the last', async () => {
  const path = join(root, 'a', 'b');
  expect(await makeDirectory(path, 0o700)).toBe(true);
  expect([root, join(root, 'a'), path].map((each) => statSync(each).mode & 0o777)).toEqual([
    0o700, 0o700, 0o700,
  ]);
  expect(await makeDirectory(path, 0o750)).toBe(false);
  expect(await makeDirectory(`${path}/`, 0o750)).toBe(false);
  expect(await makeDirectory('/', 0o750)).toBe(false);
});

test('several at once make it once', async () => {
  const path = join(root, 'a', 'b', 'c');
  const made = await Promise.all(Array.from({ length: 8 }, () => makeDirectory(path, 0o700)));
  expect(made.filter(Boolean)).toHaveLength(1);
});

test.each([
  ['/proc/no-such/directory', 'no directory can be made in /proc'],
  ['/proc/no-such', 'no directory can be made in /proc'],
])(
  '%s, where mkdir denies that the parent exists, is refused and does not go on forever',
  async (path, reason) => {
    await expect(makeDirectory(path, 0o700)).rejects.toThrow(reason);
  },
);

test('what is in its place is named', async () => {
  const file = join(root, 'file');
  const link = join(root, 'link');
  writeFileSync(file, '');
  symlinkSync('/no/such/place', link);
  await expect(makeDirectory(file, 0o700)).rejects.toThrow(`${file} is not a directory`);
  await expect(makeDirectory(link, 0o700)).rejects.toThrow(`${link} is not a directory`);
  await expect(makeDirectory(join(link, 'x'), 0o700)).rejects.toThrow(`${link} is not a directory`);
  await expect(makeDirectory(join(file, 'x', 'y'), 0o700)).rejects.toThrow(
    /a part of the path .*file.* is not a directory/,
  );
  const target = join(root, 'target');
  mkdirSync(target);
  symlinkSync(target, join(root, 'good'));
  expect(await makeDirectory(join(root, 'good'), 0o700)).toBe(false);
});

test('an error of the operating system is told without the call and its paths', () => {
  const thrown = Object.assign(
    new Error("EBUSY: resource busy or locked, rename '/etc/a.new' -> '/etc/a'"),
    { code: 'EBUSY' },
  );
  expect(plainReason(thrown)).toBe('resource busy or locked (EBUSY)');
  expect(plainReason(new Error('EIO: i/o error, fsync'))).toBe('i/o error (EIO)');
  expect(plainReason(new Error('it is closed, and done'))).toBe('it is closed, and done');
});
