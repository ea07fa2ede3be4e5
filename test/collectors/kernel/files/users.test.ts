import { mkdtempSync, renameSync, rmSync, writeFileSync, mkdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parsePasswd, UserNames } from '../../../../collectors/kernel/files/users.js';
import { casePaths } from '../../../support/case-host.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';

const debian = casePaths('debian-12-kernel-6.1');
const hostile = casePaths('hostile');

describe('/etc/passwd', () => {
  it('skips and counts lines that are no account, and keeps the others', () => {
    const text = readFileSync(`${hostile.etcRoot}/passwd`, 'utf8');
    const { names, skippedLines } = parsePasswd(text);
    expect([...names]).toEqual([
      [0, 'root'],
      [10, 'ten'],
      [15, 'latin\ufffd'],
      [16, 'last'],
    ]);
    expect(skippedLines).toBe(9);
  });

  it('never throws and never names a control character', () => {
    const field = fc.oneof(fc.string(), fc.nat().map(String));
    const line = fc.array(field, { minLength: 5, maxLength: 8 }).map((f) => f.join(':'));
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        for (const [uid, name] of parsePasswd(lines.join('\n')).names) {
          expect(Number.isSafeInteger(uid)).toBe(true);
          // eslint-disable-next-line no-control-regex -- the very thing that must not be there
          expect(name).not.toMatch(/[\u0000-\u001f:]/u);
        }
      }),
    );
  });
});

describe('user names', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'users-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));
  const paths = () => ({ ...pathsUnder('/nonexistent'), etcRoot: directory });
  const write = (name: string, text: string) => writeFileSync(join(directory, name), text);

  it('come from the captured file', () => {
    const users = new UserNames(debian);
    expect(users.nameOf(1000)).toBe('operator');
    expect(users.nameOf(4711)).toBeUndefined();
    expect(users.skippedLines).toBe(0);
  });

  it('follow the file when useradd replaces it', () => {
    const users = new UserNames(paths());
    expect(users.nameOf(5)).toBeUndefined();
    write('passwd', 'five:x:5:5::/:/bin/sh\n');
    expect(users.nameOf(5)).toBe('five');
    write('passwd+', 'cinq:x:5:5::/:/bin/sh\n');
    renameSync(join(directory, 'passwd+'), join(directory, 'passwd'));
    expect(users.nameOf(5)).toBe('cinq');
    rmSync(join(directory, 'passwd'));
    expect(users.nameOf(5)).toBeUndefined();
  });

  it('are those of the moment that is asked for, as far back as they were read', async () => {
    const users = new UserNames(paths());
    write('passwd', 'five:x:5:5::/:/bin/sh\n');
    expect(users.nameOf(5)).toBe('five');
    const beforeMs = Date.now() - 5;
    await new Promise((resolve) => setTimeout(resolve, 20));
    write('passwd+', 'cinq:x:5:5::/:/bin/sh\n');
    renameSync(join(directory, 'passwd+'), join(directory, 'passwd'));
    expect([users.nameOf(5, beforeMs), users.nameOf(5)]).toEqual(['five', 'cinq']);
    rmSync(join(directory, 'passwd'));
    expect([users.nameOf(5, beforeMs), users.nameOf(5)]).toEqual(['five', undefined]);
  });

  it('are looked for again only for a moment that no look was after', () => {
    let nowMs = Date.now() + 10_000;
    const users = new UserNames(paths(), () => nowMs);
    write('passwd', 'five:x:5:5::/:/bin/sh\n');
    expect(users.nameOf(5, nowMs - 50)).toBe('five');
    // A change of the past, which the look would have seen: it stands for the look that is not made.
    write('passwd', 'never-seen:x:5:5::/:/bin/sh\n');
    expect(users.nameOf(5, nowMs - 30)).toBe('five');
    expect(users.nameOf(5, nowMs - 10)).toBe('never-seen');
    write('passwd', 'clock-set-back:x:5:5::/:/bin/sh\n');
    nowMs -= 5_000;
    expect(users.nameOf(5, nowMs - 30)).toBe('clock-set-back');
  });

  it('are those that were read first for every moment before', () => {
    const users = new UserNames(paths());
    write('passwd', 'five:x:5:5::/:/bin/sh\n');
    expect(users.nameOf(5, 0)).toBe('five');
    write('passwd+', 'cinq:x:5:5::/:/bin/sh\n');
    renameSync(join(directory, 'passwd+'), join(directory, 'passwd'));
    expect([users.nameOf(5, 0), users.nameOf(5)]).toEqual(['five', 'cinq']);
  });

  it('stay unknown when the file is too large or a directory', () => {
    write('passwd', `five:x:5:5::/:/bin/sh\n${'#'.repeat(1024 * 1024)}`);
    expect(new UserNames(paths()).nameOf(5)).toBeUndefined();
    rmSync(join(directory, 'passwd'));
    mkdirSync(join(directory, 'passwd'));
    expect(new UserNames(paths()).nameOf(5)).toBeUndefined();
  });
});
