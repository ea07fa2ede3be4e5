import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type ExecutedFile,
  ExecutableHashes,
} from '../../../../collectors/kernel/files/executable-hash.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const later = Date.now() + 60_000;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hash-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function setUp(options: Partial<ConstructorParameters<typeof ExecutableHashes>[0]> = {}) {
  const clock = new FakeClock();
  const hashes = new ExecutableHashes({
    paths: { ...pathsUnder('/nonexistent'), procRoot: directory },
    clock,
    bytesPerSecond: 1_000_000,
    ...options,
  });
  return { clock, hashes };
}

function file(name: string, content: string | Buffer): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

/** As kernel audit tells it: the numbers of the file prove which one it was. */
function recorded(path: string, timeMs = later): ExecutedFile {
  const { dev, ino } = statSync(path, { bigint: true });
  return { pid: 77, path, timeMs, candidates: [{ device: dev, inode: ino }] };
}

const hashOf = (hashes: ExecutableHashes, executed: ExecutedFile): Promise<string> =>
  new Promise((resolve) => hashes.hashOf(executed, resolve));

describe('the hash of an executable', () => {
  it('is given for the file that the kernel recorded', async () => {
    const { hashes } = setUp();
    const path = file('tool', 'content');
    expect(await hashOf(hashes, recorded(path))).toBe(sha256('content'));
  });

  it('is given for the file that the process still runs, whatever lies at the path', async () => {
    const { hashes } = setUp();
    mkdirSync(join(directory, '77'));
    const path = file('running', 'running');
    symlinkSync(path, join(directory, '77', 'exe'));
    expect(await hashOf(hashes, { pid: 77, path, timeMs: 0 })).toBe(sha256('running'));
    expect(await hashOf(hashes, { pid: 77, path: '/bin/other', timeMs: later })).toBe('');
  });

  it('is not given for another file that took the place', async () => {
    const { hashes } = setUp();
    const path = file('tool', 'first');
    const executed = recorded(path);
    renameSync(path, `${path}.old`);
    writeFileSync(path, 'second');
    expect(await hashOf(hashes, executed)).toBe('');
  });

  it('is not given for a file that changed after it was executed', async () => {
    const { hashes } = setUp();
    const path = file('tool', 'content');
    expect(await hashOf(hashes, recorded(path, 1))).toBe('');
  });

  it('of a file that changes between two that execute it at once is given to the one that ran what is there', async () => {
    const { hashes } = setUp();
    const path = file('tool', 'content');
    const questions = [recorded(path, 1), recorded(path), recorded(path, 1), recorded(path)];
    const answers = await Promise.all(questions.map((question) => hashOf(hashes, question)));
    expect(answers).toEqual(['', sha256('content'), '', sha256('content')]);
  });

  it('is read once for all who ask at the same time, and again when the file changed', async () => {
    const { hashes, clock } = setUp({ bytesPerSecond: 100 });
    const path = file('tool', 'x'.repeat(100));
    const first = await Promise.all([1, 2, 3].map(() => hashOf(hashes, recorded(path))));
    expect(new Set(first)).toEqual(new Set([sha256('x'.repeat(100))]));
    // The bucket is empty now: what is answered without time passing was not read again.
    expect(await hashOf(hashes, recorded(path))).toBe(first[0]);
    writeFileSync(path, 'y'.repeat(10));
    const changed = hashOf(hashes, recorded(path));
    await vi.waitFor(() => expect(clock.timers).toBe(1));
    await clock.advance(1000);
    expect(await changed).toBe(sha256('y'.repeat(10)));
  });

  it('reads no more than so many bytes a second', async () => {
    const { hashes, clock } = setUp({ bytesPerSecond: 64 * 1024 });
    const content = Buffer.alloc(200 * 1024, 'z');
    const done = vi.fn();
    const hash = hashOf(hashes, recorded(file('large', content)));
    void hash.then(done);
    for (let second = 0; second < 3; second++) {
      await vi.waitFor(() => expect(clock.timers).toBe(1));
      expect(done).not.toHaveBeenCalled();
      await clock.advance(1001);
    }
    await vi.waitFor(() => expect(done).toHaveBeenCalled());
    expect(await hash).toBe(sha256(content));
  });

  it('is refused for a file that is too large, is none, or when too many wait', async () => {
    const { hashes, clock } = setUp({ largestFileBytes: 4, bytesPerSecond: 1, mostWaiting: 1 });
    expect(await hashOf(hashes, recorded(file('large', '12345')))).toBe('');
    expect(await hashOf(hashes, recorded(directory))).toBe('');
    // The second byte of the first has to wait for the clock.
    const first = hashOf(hashes, recorded(file('a', 'aa')));
    expect(await hashOf(hashes, recorded(file('b', 'bb')))).toBe('');
    await vi.waitFor(() => expect(clock.timers).toBe(1));
    await clock.advance(1000);
    expect(await first).toBe(sha256('aa'));
  });

  it('is refused to those beyond the bound while a file system is slow to answer', async () => {
    const { hashes } = setUp();
    const executed = recorded(file('tool', 'content'));
    const answers = await Promise.all(Array.from({ length: 1100 }, () => hashOf(hashes, executed)));
    expect(answers.filter((hash) => hash === '')).toHaveLength(1100 - 1024);
  });

  it('is forgotten for the least recently used file first', async () => {
    const { hashes, clock } = setUp({ mostEntries: 2, bytesPerSecond: 3 });
    const [a, b, c] = ['a', 'b', 'c'].map((name) => recorded(file(name, name)));
    if (a === undefined || b === undefined || c === undefined) throw new Error('three files');
    await hashOf(hashes, a);
    await hashOf(hashes, b);
    await hashOf(hashes, a);
    await hashOf(hashes, c);
    expect(await hashOf(hashes, a)).toBe(sha256('a'));
    const again = hashOf(hashes, b);
    await vi.waitFor(() => expect(clock.timers).toBe(1));
    await clock.advance(1000);
    expect(await again).toBe(sha256('b'));
  });

  it('is "" for whoever waits when the agent stops', async () => {
    const { hashes, clock } = setUp({ bytesPerSecond: 1 });
    const hash = hashOf(hashes, recorded(file('slow', Buffer.alloc(200_000))));
    await vi.waitFor(() => expect(clock.timers).toBe(1));
    hashes.stop();
    expect(await hash).toBe('');
    expect(clock.timers).toBe(0);
  });

  it('is never read when the setting asks for none', async () => {
    const { hashes } = setUp({ bytesPerSecond: 0 });
    expect(hashes.enabled).toBe(false);
    expect(await hashOf(hashes, recorded(file('tool', 'content')))).toBe('');
  });
});
