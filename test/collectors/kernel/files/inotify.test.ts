import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../../../base/clock.js';
import { isUnavailable } from '../../../../base/unavailable.js';
import {
  type FileEvent,
  type FileEventSubscription,
  KernelFileEvents,
} from '../../../../collectors/kernel/files/inotify.js';
import { inotifyBits, parseInotify } from '../../../../collectors/kernel/files/inotify-events.js';
import { loadLibc } from '../../../../collectors/kernel/libc.js';
import { KernelReader } from '../../../../collectors/kernel/reader.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeLibc } from '../../../support/fake-libc.js';

/** As the kernel writes it: the name padded with zeros to a multiple of 16 bytes. */
function inotifyEvent(watch: number, mask: number, name = '', cookie = 0): Buffer {
  const padded = Buffer.alloc(name === '' ? 0 : Math.ceil((name.length + 1) / 16) * 16);
  padded.write(name);
  const head = Buffer.alloc(16);
  head.writeInt32LE(watch, 0);
  head.writeUInt32LE(mask, 4);
  head.writeUInt32LE(cookie, 8);
  head.writeUInt32LE(padded.length, 12);
  return Buffer.concat([head, padded]);
}

describe('what inotify tells', () => {
  it('is read event by event, with and without a name', () => {
    const bytes = Buffer.concat([
      inotifyEvent(3, inotifyBits.movedFrom, 'crontab.new', 77),
      inotifyEvent(4, inotifyBits.deleteSelf),
    ]);
    expect(parseInotify(bytes)).toEqual({
      torn: false,
      events: [
        { watch: 3, mask: inotifyBits.movedFrom, cookie: 77, name: 'crontab.new' },
        { watch: 4, mask: inotifyBits.deleteSelf, cookie: 0, name: '' },
      ],
    });
  });

  it('never makes the parser throw, nor name anything outside of the directory', () => {
    const whole = fc.array(
      fc.tuple(fc.integer(), fc.nat(), fc.string()).map(([a, b, c]) => inotifyEvent(a | 0, b, c)),
    );
    const mangled = fc.tuple(whole, fc.nat(), fc.nat(255)).map(([events, at, value]) => {
      const bytes = Buffer.concat(events);
      if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(mangled, (bytes) => {
        for (const { name } of parseInotify(bytes).events) {
          expect(name).not.toMatch(/[/\0]/u);
          expect(['.', '..']).not.toContain(name);
        }
      }),
    );
  });

  it('is looked at again, and counted, when the queue of the kernel overflowed', async () => {
    const libc = new FakeLibc();
    const clock = new FakeClock();
    const reader = new KernelReader(libc, clock);
    reader.start();
    const told = { onEvent: vi.fn(), onMissed: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
    const before = new Set(libc.sockets.keys());
    await new KernelFileEvents({ libc, reader }).subscribe({ paths: ['/etc/passwd'], ...told });
    const fd = [...libc.sockets.keys()].find((socket) => !before.has(socket)) ?? -1;
    libc.deliver(fd, inotifyEvent(-1, inotifyBits.overflow));
    await vi.waitFor(() => expect(told.onMissed).toHaveBeenCalledTimes(1));
    expect(told.lose).toHaveBeenCalledWith('fileEventsOverflow', 1);
    await Promise.all([reader.stop(), clock.advance(100)]);
  });
});

describe('the news of files of this kernel', () => {
  let root: string;
  let reader: KernelReader;
  let subscription: FileEventSubscription;
  let seen: FileEvent[];
  let files: KernelFileEvents;

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), 'file-events-'));
    const libc = await loadLibc();
    if (isUnavailable(libc)) throw new Error(libc.unavailable);
    reader = new KernelReader(libc, systemClock);
    reader.start();
    files = new KernelFileEvents({ libc, reader, mostWatches: 6 });
    seen = [];
  });

  afterEach(async () => {
    subscription.end();
    await reader.stop();
    rmSync(root, { recursive: true });
  });

  const watch = async (...paths: readonly string[]) => {
    const answer = await files.subscribe({
      paths: paths.map((path) => join(root, path)),
      onEvent: (event) => seen.push(event),
      onMissed: vi.fn(),
      lose: vi.fn(),
      onFailed: vi.fn(),
    });
    if (isUnavailable(answer)) throw new Error(answer.unavailable);
    subscription = answer;
  };
  const told = (kind: FileEvent['kind'], path: string) =>
    vi.waitFor(() =>
      expect(seen.map((event) => `${event.kind} ${event.path.slice(root.length + 1)}`)).toContain(
        `${kind} ${path}`,
      ),
    );

  it('tell a file that comes with the directories above it, changes, and goes with them', async () => {
    await watch('anna/.ssh/authorized_keys', 'shadow');
    writeFileSync(join(root, 'unwatched'), '');
    mkdirSync(join(root, 'prepared/.ssh'), { recursive: true });
    writeFileSync(join(root, 'prepared/.ssh/authorized_keys'), 'key');
    renameSync(join(root, 'prepared'), join(root, 'anna'));
    await told('above', 'anna/.ssh/authorized_keys');
    writeFileSync(join(root, 'anna/.ssh/authorized_keys'), 'another');
    await told('changed', 'anna/.ssh/authorized_keys');
    seen.length = 0;
    rmSync(join(root, 'anna'), { recursive: true });
    await told('deleted', 'anna/.ssh/authorized_keys');
    seen.length = 0;
    mkdirSync(join(root, 'anna/.ssh'), { recursive: true });
    writeFileSync(join(root, 'anna/.ssh/authorized_keys'), 'key');
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(0));
    expect(seen.some(({ path }) => path.endsWith('unwatched'))).toBe(false);
  });

  it('tell both ends of a rename, and entries of a directory that was replaced', async () => {
    mkdirSync(join(root, 'cron.d'));
    await watch('cron.d');
    writeFileSync(join(root, 'cron.d/.job.swp'), '* * * * *');
    renameSync(join(root, 'cron.d/.job.swp'), join(root, 'cron.d/job'));
    await told('movedTo', 'cron.d/job');
    const from = seen.find(({ kind }) => kind === 'movedFrom');
    const to = seen.find(({ kind }) => kind === 'movedTo');
    expect(from?.cookie).toBe(to?.cookie);
    renameSync(join(root, 'cron.d'), join(root, 'aside'));
    mkdirSync(join(root, 'cron.d'));
    await told('created', 'cron.d');
    writeFileSync(join(root, 'cron.d/later'), '');
    await told('created', 'cron.d/later');
  });

  it('are refused beyond the bound, and for what is no plain path', async () => {
    await watch('file');
    for (let index = 0; index < 10; index++) mkdirSync(join(root, `d${index}`));
    const answers = Array.from({ length: 10 }, (_, index) =>
      subscription.watch(join(root, `d${index}`)),
    );
    expect(answers.filter((answer) => answer !== undefined)).toHaveLength(5);
    for (const path of ['/', 'etc', '/etc/../etc', '/etc/'])
      expect(subscription.watch(path)).toHaveProperty('unavailable');
  });
});
