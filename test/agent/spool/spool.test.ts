import { mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { SpoolLockedError } from '../../../agent/spool/lock.js';
import { Spool, type QueueName, type SpoolOptions } from '../../../agent/spool/spool.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryFiles } from '../../support/memory-files.js';

const event = (number: number, padding = 40): string =>
  JSON.stringify({ number, text: 'ü'.repeat(padding) });

function bench(limitBytes = 64 * 1024) {
  const files = new MemoryFiles();
  const clock = new FakeClock();
  const losses: Record<string, number> = {};
  const options: SpoolOptions = {
    directory: '/spool',
    limitBytes,
    clock,
    files,
    lose: (cause, count, queue) => {
      const key = `${cause} ${queue ?? ''}`.trim();
      losses[key] = (losses[key] ?? 0) + count;
    },
    identify: () => Promise.resolve(undefined),
  };
  return { files, clock, losses, options, open: () => Spool.open(options) };
}

async function numbers(spool: Spool, queue: QueueName = 'low'): Promise<number[]> {
  const events = await spool.read(queue, spool.stats()[queue].headSequence, Infinity);
  return events.map(({ json }) => (JSON.parse(json) as { number: number }).number);
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

async function fill(spool: Spool, queue: QueueName, from: number, to: number): Promise<void> {
  await Promise.all(range(from, to).map((number) => spool.append(queue, event(number))));
}

describe('Spool: an event that tells of several things', () => {
  it.each(['at once', 'after a restart'])(
    'counts as so many when it is dropped, %s',
    async (when) => {
      const { losses, open } = bench(8192);
      const spool = await open();
      for (let number = 0; number < 40; number++) await spool.append('low', event(number), 17);
      const full = when === 'at once' ? spool : (await spool.close(), await open());
      const kept = full.stats().low.events;
      await fill(full, 'high', 0, 100);
      expect(kept).toBeGreaterThan(0);
      expect(full.stats().low.events).toBe(0);
      expect(losses['spoolFull low']).toBe(40 * 17);
    },
  );

  it('is handed over whole before it goes for want of room, each once', async () => {
    const { losses, options } = bench(8192);
    const handed: string[] = [];
    const onDropped = (events: readonly string[]): Promise<void> => {
      handed.push(...events);
      return Promise.resolve();
    };
    const spool = await Spool.open({ ...options, onDropped });
    await fill(spool, 'low', 1, 200);
    await spool.setLimit(2048);
    await spool.append('low', JSON.stringify('x'.repeat(10_000)));
    const dropped = handed.slice(0, -1);
    expect(dropped).toEqual(range(1, dropped.length).map((number) => event(number)));
    expect(handed.at(-1)).toContain('xxx');
    expect(await numbers(spool)).toEqual(range(dropped.length + 1, 200));
    expect(losses).toEqual({ 'spoolFull low': handed.length });
  });

  it('counts as so many when it finds no room at all, or the disk refuses it to the end', async () => {
    const { files, losses, open } = bench(8192);
    const spool = await open();
    await spool.append('low', JSON.stringify('x'.repeat(10_000)), 5);
    expect(losses).toEqual({ 'spoolFull low': 5 });
    files.fault = (operation) => (operation === 'write' ? 'EIO' : undefined);
    await spool.append('low', event(1), 3);
    await spool.close();
    expect(losses).toEqual({ 'spoolFull low': 5, 'spoolWriteFailed low': 3 });
  });
});

describe('Spool: durability', () => {
  it('what was stored survives a power cut, in the order of the calls', async () => {
    const { files, open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 30);
    await fill(spool, 'high', 100, 110);
    files.powerCut();
    const again = await open();
    expect(await numbers(again)).toEqual(range(1, 30));
    expect(await numbers(again, 'high')).toEqual(range(100, 110));
  });

  it('appends that wait together share one fsync', async () => {
    const { files, open } = bench();
    const spool = await open();
    await spool.append('low', event(0));
    const before = files.calls.get('sync') ?? 0;
    await fill(spool, 'low', 1, 20);
    expect((files.calls.get('sync') ?? 0) - before).toBeLessThanOrEqual(2);
  });

  it('what is acknowledged is not given again after a power cut, and what is not, is', async () => {
    const { files, open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 10);
    const [, , third] = await spool.read('low', 0, Infinity);
    await spool.acknowledge('low', third?.sequence ?? 0);
    files.powerCut();
    expect(await numbers(await open())).toEqual(range(4, 10));
  });

  it('sequences rise over restarts, also when everything was acknowledged', async () => {
    const { open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 5);
    await spool.acknowledge('low', 5);
    await spool.close();
    const again = await open();
    await again.append('low', event(6));
    const [next] = await again.read('low', 0, Infinity);
    expect(next?.sequence).toBe(6);
  });

  it('files of acknowledged events are unlinked', async () => {
    const { files, open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 300);
    await spool.acknowledge('low', 300);
    expect(files.segments().length).toBeLessThanOrEqual(1);
    expect(spool.stats().low).toMatchObject({ events: 0, bytes: 0, headSequence: 300 });
  });

  it('an acknowledgement lasts on a full disk', async () => {
    const { files, open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 10);
    await spool.acknowledge('low', 2);
    files.capacityBytes = files.usedBytes();
    await spool.acknowledge('low', 6);
    files.powerCut();
    expect(await numbers(await open())).toEqual(range(7, 10));
  });
});

describe('Spool: reading', () => {
  it('gives as many events as fit, but at least one', async () => {
    const { open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 10);
    const sizeBytes = Buffer.byteLength(event(1));
    expect(await spool.read('low', 0, 3 * sizeBytes)).toHaveLength(3);
    expect(await spool.read('low', 0, 1)).toHaveLength(1);
    expect(await spool.read('low', 0, Infinity, 4)).toHaveLength(4);
    const [only] = await spool.read('low', 8, Infinity, 1);
    expect(only).toMatchObject({ sequence: 9, sizeBytes, queue: 'low', json: event(9) });
  });

  it('tells listeners when there is something to read', async () => {
    const { open } = bench();
    const spool = await open();
    let calls = 0;
    spool.onAppended(() => calls++);
    await fill(spool, 'low', 1, 3);
    expect(calls).toBe(1);
  });
});

describe('Spool: bounds', () => {
  it.each([8192, 20_000, 64 * 1024])(
    'never takes more than its limit of %i bytes',
    async (limit) => {
      const { files, open, losses } = bench(limit);
      const spool = await open();
      for (const number of range(1, 400)) {
        await spool.append(
          (['low', 'high', 'operational'] as const)[number % 3] ?? 'low',
          event(number),
        );
        expect(files.usedBytes()).toBeLessThanOrEqual(limit);
      }
      const { high, low, operational } = spool.stats();
      const lost = Object.values(losses).reduce((sum, count) => sum + count, 0);
      expect(high.events + low.events + operational.events + lost).toBe(400);
      expect(high.diskBytes + low.diskBytes + operational.diskBytes).toBeGreaterThan(limit * 0.8);
    },
  );

  it('the oldest of the lowest priority goes first, and is counted', async () => {
    const { open, losses } = bench(16 * 1024);
    const spool = await open();
    await fill(spool, 'low', 1, 100);
    await fill(spool, 'operational', 1, 10);
    await fill(spool, 'high', 1, 30);
    expect(await numbers(spool, 'high')).toEqual(range(1, 30));
    expect(await numbers(spool, 'operational')).toEqual(range(1, 10));
    const kept = await numbers(spool, 'low');
    expect(kept).toEqual(range(101 - kept.length, 100));
    expect(losses).toEqual({ 'spoolFull low': 100 - kept.length });
  });

  it('an event never displaces one of higher priority', async () => {
    const { open, losses } = bench(8192);
    const spool = await open();
    await fill(spool, 'high', 1, 60);
    const high = await numbers(spool, 'high');
    expect(await spool.append('low', event(1, 400))).toBe('dropped');
    expect(await numbers(spool, 'high')).toEqual(high);
    expect(losses['spoolFull low']).toBe(1);
  });

  it('an event that can never fit is refused and counted, and costs no other', async () => {
    const { open, losses } = bench(8192);
    const spool = await open();
    await fill(spool, 'low', 1, 5);
    expect(await spool.append('high', 'x'.repeat(9000))).toBe('dropped');
    expect(await spool.append('high', 'x'.repeat(2_000_000))).toBe('dropped');
    expect(losses).toEqual({ 'spoolFull high': 2 });
    expect(await numbers(spool)).toEqual(range(1, 5));
  });

  it('a smaller limit drops the oldest at once and keeps the newest that fit', async () => {
    const { open, losses, files } = bench(1024 * 1024);
    const spool = await open();
    await fill(spool, 'low', 1, 200);
    await spool.setLimit(8192);
    expect(files.usedBytes()).toBeLessThanOrEqual(8192);
    const kept = await numbers(spool);
    expect(kept.length).toBeGreaterThan(40);
    expect(kept).toEqual(range(201 - kept.length, 200));
    expect(losses).toEqual({ 'spoolFull low': 200 - kept.length });
    files.powerCut();
    expect(
      await numbers(
        await bench()
          .open.call(undefined)
          .then(() => spool),
      ),
    ).toEqual(kept);
  });
});

describe('Spool: damage', () => {
  it.each([0, 5, 10, 20, 26, 30, 60])(
    'a record flipped at byte %i costs that record only',
    async (at) => {
      const { files, open, losses } = bench();
      const spool = await open();
      await fill(spool, 'low', 1, 9);
      await spool.close();
      const path = files.segments()[0] ?? '';
      files.flip(path, Math.floor(files.content(path).length / 9) * 4 + at);
      const again = await open();
      expect(await numbers(again)).toEqual([1, 2, 3, 4, 6, 7, 8, 9]);
      expect(losses).toEqual({ 'spoolCorrupt low': 1 });
      await again.close();
      const third = await open();
      expect(losses, 'counted once').toEqual({ 'spoolCorrupt low': 1 });
      await third.append('low', event(10));
      expect(await numbers(third)).toEqual([1, 2, 3, 4, 6, 7, 8, 9, 10]);
    },
  );

  it('a record that rots while the agent runs is skipped and counted', async () => {
    const { files, open, losses } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 3);
    files.flip(files.segments()[0] ?? '', 40);
    expect(await numbers(spool)).toEqual([2, 3]);
    expect(await numbers(spool)).toEqual([2, 3]);
    expect(losses).toEqual({ 'spoolCorrupt low': 1 });
  });

  it.each([1, 60, 120])('a tail torn by %i bytes costs the torn record only', async (cut) => {
    const { files, open, losses } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 5);
    await spool.close();
    const path = files.segments()[0] ?? '';
    files.put(path, files.content(path).subarray(0, -cut));
    for (let start = 1; start <= 3; start++) {
      const again = await open();
      expect(await numbers(again)).toEqual(range(1, 4));
      await again.close();
      expect(losses, `start ${start}`).toEqual({ 'spoolCorrupt low': 1 });
    }
  });

  it('the number of records that went with a missing file is counted', async () => {
    const { files, open, losses } = bench(8192);
    const spool = await open();
    await fill(spool, 'low', 1, 20);
    await spool.close();
    files.remove(files.segments()[2] ?? '');
    const again = await open();
    const kept = await numbers(again);
    expect(losses).toEqual({ 'spoolCorrupt low': 20 - kept.length });
    expect(kept.length).toBeLessThan(20);
  });

  it('files that cannot be read are put aside, foreign ones are left alone', async () => {
    const { files, open } = bench();
    files.put('/spool/low-000000000000001.journal', Buffer.from('this is no journal'));
    files.putDirectory('/spool/high-000000000000001.journal');
    files.put('/spool/heads', Buffer.alloc(700, 7));
    files.put('/spool/lock', Buffer.from('a file'));
    files.put('/spool/notes.txt', Buffer.from('of an administrator'));
    const spool = await open();
    expect(spool.recovery.quarantinedFiles).toBe(2);
    expect(files.has('/spool/low-000000000000001.journal.quarantine')).toBe(true);
    expect(files.has('/spool/notes.txt')).toBe(true);
    await fill(spool, 'low', 1, 3);
    await fill(spool, 'high', 1, 3);
    expect(await numbers(spool)).toEqual(range(1, 3));
    expect(await numbers(spool, 'high')).toEqual(range(1, 3));
  });

  it('without heads everything that is there is given again', async () => {
    const { files, open, losses } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 5);
    await spool.acknowledge('low', 2);
    await spool.close();
    files.put('/spool/heads', Buffer.alloc(0));
    expect(await numbers(await open())).toEqual(range(1, 5));
    expect(losses).toEqual({});
  });

  it('text that looks like a record is only text', async () => {
    const { open } = bench();
    const spool = await open();
    const forged = '\u00ff\u00ffJR\u00f8'.repeat(20);
    await spool.append('low', forged);
    await spool.close();
    const [event] = await (await open()).read('low', 0, Infinity);
    expect(event?.json).toBe(forged);
  });
});

describe('Spool: a disk that refuses', () => {
  it.each(['ENOSPC', 'EIO', 'EROFS'])(
    '%s: events are held, readable, and stored when it takes them again',
    async (code) => {
      const { files, clock, open, losses } = bench();
      const spool = await open();
      await fill(spool, 'low', 1, 3);
      files.fault = (operation) => (operation === 'write' ? code : undefined);
      expect(await spool.append('low', event(4))).toBe('held');
      expect(spool.problem).toContain(code);
      await fill(spool, 'low', 5, 6);
      expect(await numbers(spool)).toEqual(range(1, 6));
      files.fault = () => undefined;
      await clock.advance(60_000);
      expect(spool.problem).toBeUndefined();
      await fill(spool, 'low', 7, 8);
      files.powerCut();
      expect(await numbers(await open())).toEqual(range(1, 8));
      expect(losses).toEqual({});
    },
  );

  it('a nearly full disk takes as much of what waits as it has room for', async () => {
    const { files, clock, open } = bench();
    const spool = await open();
    files.capacityBytes = files.usedBytes() + 24_000;
    await fill(spool, 'low', 1, 100);
    await Promise.all(range(101, 102).map((number) => spool.append('low', event(number, 9000))));
    await clock.advance(60_000);
    expect(spool.problem).toContain('ENOSPC');
    expect(spool.stats().low.diskBytes).toBeGreaterThan(12_000);
    expect(await numbers(spool)).toEqual(range(1, 102));
    files.capacityBytes = Infinity;
    await clock.advance(60_000);
    files.powerCut();
    expect(await numbers(await open())).toEqual(range(1, 102));
  });

  it('heads that were torn while they were written cost duplicates at most', async () => {
    const { files, open, losses } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 6);
    await spool.acknowledge('low', 2);
    await spool.acknowledge('low', 4);
    await spool.close();
    for (const slot of [0, 512]) {
      const copy = Buffer.from(files.content('/spool/heads'));
      files.flip('/spool/heads', slot + 12);
      const again = await open();
      const read = await numbers(again);
      expect([range(3, 6), range(5, 6)]).toContainEqual(read);
      await again.close();
      files.put('/spool/heads', copy);
    }
    expect(losses).toEqual({});
  });

  it('a failed fsync is not trusted: the records are written again elsewhere', async () => {
    const { files, clock, open } = bench();
    const spool = await open();
    await fill(spool, 'low', 1, 3);
    files.fault = (operation, path) =>
      operation === 'sync' && path.endsWith('.journal') ? 'EIO' : undefined;
    expect(await spool.append('low', event(4))).toBe('held');
    files.fault = () => undefined;
    await clock.advance(60_000);
    files.powerCut(1);
    expect(await numbers(await open())).toEqual(range(1, 4));
  });

  it('short writes are continued', async () => {
    const { files, open } = bench();
    files.longestWriteBytes = 7;
    const spool = await open();
    await fill(spool, 'low', 1, 5);
    files.powerCut();
    expect(await numbers(await open())).toEqual(range(1, 5));
  });

  it('what is held is bounded, and what is refused is counted', async () => {
    const { files, open, losses } = bench();
    const spool = await open();
    files.fault = (operation) => (operation === 'write' ? 'ENOSPC' : undefined);
    await spool.append('low', event(1));
    const outcomes = await Promise.all(
      range(2, 400).map((n) => spool.append('low', event(n, 2000))),
    );
    const dropped = outcomes.filter((outcome) => outcome === 'dropped').length;
    expect(dropped).toBeGreaterThan(100);
    expect(losses).toEqual({ 'spoolWriteFailed low': dropped });
    await spool.close();
    expect(losses).toEqual({ 'spoolWriteFailed low': 400 });
  });

  it('held events can be acknowledged and are then not written', async () => {
    const { files, clock, open } = bench();
    const spool = await open();
    files.fault = (operation) => (operation === 'open' ? 'ENOSPC' : undefined);
    await fill(spool, 'low', 1, 4);
    await spool.acknowledge('low', 3);
    expect(await numbers(spool)).toEqual([4]);
    files.fault = () => undefined;
    await clock.advance(60_000);
    files.powerCut();
    expect(await numbers(await open())).toEqual([4]);
  });

  it.each(['open', 'write', 'sync', 'syncDirectory', 'unlink', 'truncate', 'rename'] as const)(
    'a single failing %s, whichever it is, loses and doubles nothing',
    async (operation) => {
      for (let nth = 0; nth < 25; nth++) {
        const { files, clock, open, losses } = bench(8192);
        const spool = await open();
        let calls = 0;
        files.fault = (called) => (called === operation && calls++ === nth ? 'EIO' : undefined);
        for (const number of range(1, 12)) {
          await spool.append('low', event(number));
          if (number === 8) await spool.acknowledge('low', 4);
        }
        await clock.advance(60_000);
        expect(await numbers(spool), `call ${nth}`).toEqual(range(5, 12));
        await spool.close();
        expect(await numbers(await open()), `call ${nth}, opened again`).toEqual(range(5, 12));
        expect(losses).toEqual({});
      }
    },
  );
});

describe('Spool: the directory', () => {
  const made: string[] = [];
  afterEach(async () => {
    for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
  });
  const real = async (): Promise<SpoolOptions> => {
    const parent = await mkdtemp(join(tmpdir(), 'spool-'));
    made.push(parent);
    const directory = join(parent, 'spool');
    return { directory, limitBytes: 65536, clock: new FakeClock(), lose: () => undefined };
  };

  it('is entered, and its files read, by their owner only', async () => {
    const options = await real();
    const spool = await Spool.open(options);
    await spool.append('high', event(1));
    await spool.acknowledge('high', 0);
    expect((await stat(options.directory)).mode & 0o777).toBe(0o700);
    for (const name of await readdir(options.directory))
      if (name !== 'lock')
        expect((await stat(join(options.directory, name))).mode & 0o777, name).toBe(0o600);
    await spool.close();
  });

  it('lets no second process in, and is free again after close', async () => {
    const options = await real();
    const spool = await Spool.open(options);
    await expect(Spool.open(options)).rejects.toBeInstanceOf(SpoolLockedError);
    await spool.close();
    const again = await Spool.open(options);
    await again.close();
  });

  it('the lock of a dead process is taken over', async () => {
    const options = await real();
    await mkdir(options.directory);
    await symlink(`${process.pid} 1 an-earlier-boot`, join(options.directory, 'lock'));
    const spool = await Spool.open(options);
    await spool.close();
  });

  it('a file in place of the directory is put aside', async () => {
    const options = await real();
    await writeFile(options.directory, 'in the way');
    const spool = await Spool.open(options);
    await spool.close();
  });
});
