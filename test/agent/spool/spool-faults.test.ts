import { describe, expect, it } from 'vitest';

import type { OpenMode } from '../../../agent/spool/files.js';
import { Spool, type QueueName } from '../../../agent/spool/spool.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryFiles, type Operation } from '../../support/memory-files.js';

const queues = ['high', 'low', 'operational'] as const satisfies readonly QueueName[];

/** Runs a life of a spool in which calls of the file system fail, and says what became of its events. */
class Life {
  readonly files = new MemoryFiles();
  readonly clock = new FakeClock();
  readonly sent = new Set<string>();
  readonly acknowledged = new Set<string>();
  lost = 0;
  calls = 0;
  private written = 0;

  open(): Promise<Spool> {
    return Spool.open({
      directory: '/spool',
      limitBytes: 16_384,
      clock: this.clock,
      files: this.files,
      identify: () => Promise.resolve(undefined),
      lose: (_cause, count) => (this.lost += count),
    });
  }

  /** @param fails by the number of the call */
  failWhen(
    fails: (call: number, operation: Operation, mode?: OpenMode) => string | undefined,
  ): void {
    this.calls = 0;
    this.files.fault = (operation, _path, mode) => fails(++this.calls, operation, mode);
  }

  async append(spool: Spool, count: number): Promise<void> {
    for (const queue of queues)
      await Promise.all(
        Array.from({ length: count }, async () => {
          const text = `${queue} ${String(++this.written).padStart(6, '0')} ${'é'.repeat(60)}`;
          this.sent.add(text);
          await spool.append(queue, text);
        }),
      );
  }

  async acknowledge(spool: Spool, count: number): Promise<void> {
    for (const queue of queues) {
      const events = await spool.read(queue, spool.stats()[queue].headSequence, Infinity, count);
      for (const { json } of events) this.acknowledged.add(json);
      const last = events.at(-1);
      if (last !== undefined) await spool.acknowledge(queue, last.sequence);
    }
  }

  /** Everything a life does: opening on what an earlier one left, events, acknowledgements, a new limit. */
  async whole(): Promise<Spool> {
    const spool = await this.open();
    await this.append(spool, 6);
    await this.acknowledge(spool, 4);
    await this.append(spool, 3);
    await spool.setLimit(12_288);
    await this.acknowledge(spool, 3);
    return spool;
  }

  async check(spool: Spool, what: string): Promise<void> {
    let absent = this.sent.size - this.acknowledged.size;
    for (const queue of queues) {
      const events = await spool.read(queue, 0, Infinity);
      const texts = events.map(({ json }) => json);
      const rising = texts.every((text, index) => index === 0 || (texts[index - 1] ?? '') < text);
      expect(rising, `${what}: order kept, nothing twice`).toBe(true);
      for (const text of texts) {
        expect(this.sent.has(text), `${what}: nothing made up`).toBe(true);
        if (!this.acknowledged.has(text)) absent--;
      }
    }
    expect(absent, `${what}: what is absent is counted`).toBeLessThanOrEqual(this.lost);
  }
}

async function callsOfALife(): Promise<number> {
  const life = new Life();
  await (await life.whole()).close();
  life.failWhen(() => undefined);
  await (await life.whole()).close();
  return life.calls;
}

describe('Spool: every call of the file system fails in turn', () => {
  it.each(['EIO', 'ENOSPC', 'EACCES'])(
    'once with %s: nothing is refused, doubled or lost',
    async (code) => {
      const calls = await callsOfALife();
      expect(calls).toBeGreaterThan(100);
      for (let nth = 1; nth <= calls; nth++) {
        const life = new Life();
        await (await life.whole()).close();
        life.failWhen((call) => (call === nth ? code : undefined));
        const spool = await life.whole();
        life.files.fault = () => undefined;
        await life.clock.advance(120_000);
        expect(spool.problem, `call ${nth}: it recovers`).toBeUndefined();
        await life.check(spool, `call ${nth}`);
        expect(life.lost, `call ${nth}`).toBe(0);
        life.files.powerCut();
        await life.check(await life.open(), `call ${nth}, after a power cut`);
        expect(life.lost, `call ${nth}, after a power cut`).toBe(0);
      }
    },
  );

  it.each(['EIO', 'ENOSPC', 'EROFS', 'EACCES'])(
    'from then on with %s, for minutes: it goes on in memory and writes everything when it may again',
    async (code) => {
      const calls = await callsOfALife();
      for (let nth = 1; nth <= calls; nth += 3) {
        const life = new Life();
        await (await life.whole()).close();
        // A disk that refuses can mostly be read still.
        const readable = new Set<Operation>(['read', 'sizeBytes', 'list', 'readlink', 'close']);
        life.failWhen((call, operation, mode) =>
          call >= nth && mode !== 'read' && !readable.has(operation) ? code : undefined,
        );
        const spool = await life.whole();
        await life.clock.advance(5 * 60_000);
        await life.append(spool, 2);
        life.files.fault = () => undefined;
        await life.clock.advance(60_000);
        expect(spool.problem, `call ${nth}: it recovers`).toBeUndefined();
        await life.check(spool, `call ${nth}`);
        life.files.powerCut();
        await life.check(await life.open(), `call ${nth}, after a power cut`);
      }
    },
  );

  it('for good, from the start: it opens, holds what fits into memory, and counts the rest', async () => {
    const life = new Life();
    life.failWhen(() => 'EIO');
    const spool = await life.open();
    expect(spool.problem).toBeDefined();
    await life.append(spool, 4000);
    expect(spool.stats().low.bytes).toBeLessThanOrEqual(1_048_576);
    await life.check(spool, 'held');
    await spool.close();
    expect(life.lost).toBe(life.sent.size);
  });
});

describe('Spool: a directory that others changed', () => {
  it('removed while it is in use, it is made again with the next event that opens a file', async () => {
    const life = new Life();
    let gone = true;
    life.files.fault = (operation) =>
      gone && ['open', 'syncDirectory', 'list'].includes(operation) ? 'ENOENT' : undefined;
    const made: string[] = [];
    const make = life.files.makeDirectory.bind(life.files);
    life.files.makeDirectory = async (path) => {
      await make(path);
      made.push(path);
      if (made.length > 1) gone = false;
    };
    const spool = await life.open();
    await life.append(spool, 2);
    await life.clock.advance(60_000);
    expect(spool.problem).toBeUndefined();
    life.files.powerCut();
    await life.check(await life.open(), 'after a power cut');
    expect(life.lost).toBe(0);
  });

  it('a lock that nobody alive holds and that cannot be moved keeps nobody out', async () => {
    const life = new Life();
    await life.files.symlink('4711 1 an-earlier-boot', '/spool/lock');
    life.files.fault = (operation) =>
      ['rename', 'unlink', 'write', 'open'].includes(operation) ? 'EROFS' : undefined;
    const spool = await life.open();
    await life.append(spool, 2);
    await life.check(spool, 'held');
  });

  it('names that could not be counted on from are not believed', async () => {
    const life = new Life();
    const spool = await life.open();
    await life.append(spool, 2);
    await spool.close();
    const name = '/spool/low-281474976710655.journal';
    const record = life.files.content(life.files.segments()[1] ?? '');
    life.files.put(name, Buffer.from(record));
    const again = await life.open();
    await life.append(again, 2);
    await life.check(again, 'beside a copy under a high number');
  });
});
