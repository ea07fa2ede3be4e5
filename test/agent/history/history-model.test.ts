import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { History } from '../../../agent/history/history.js';
import { readHistory } from '../../../agent/history/reading.js';
import { FakeClock } from '../../support/fake-clock.js';
import { MemoryFiles } from '../../support/memory-files.js';

const limitBytes = 16_384;
const directory = '/state/history';

const login = (number: number, size: number): string =>
  JSON.stringify({
    Id: `id-${number}`,
    TimestampUTC: new Date(Date.UTC(2030, 0, 1) + number).toISOString(),
    Name: 'Login',
    Payload: [{ UserName: 'é'.repeat(size) }],
  });

/** One life of the history after the other, over the same files, and everything that it was ever given. */
class Lives {
  readonly files = new MemoryFiles();
  /** In the order in which it was given; `durable` when a call resolved and nothing was counted as lost. */
  readonly given: { json: string; durable: boolean }[] = [];
  lost = 0;
  history = this.begin();

  private begin(): History {
    const { files } = this;
    const lose = (_cause: string, count: number): void => void (this.lost += count);
    return new History({ directory, limitBytes, clock: new FakeClock(), files, lose });
  }

  async reopen(): Promise<void> {
    this.history = this.begin();
    await this.history.start();
  }

  async keep(sizes: readonly number[]): Promise<void> {
    const before = this.lost;
    const events = sizes.map((size) => {
      const event = { json: login(this.given.length, size), durable: false };
      this.given.push(event);
      return event;
    });
    await this.history.keep(
      events.map(({ json }) => json),
      'sent',
    );
    for (const event of events) event.durable = this.lost === before;
  }

  /** What is read is a part of what was given, whole, in its order, each once; and the files are within the limit. */
  async check(): Promise<string[]> {
    const { events } = await readHistory(this.files, '/state');
    const read = events.map(({ json }) => json);
    const places = read.map((json) => this.given.findIndex((event) => event.json === json));
    expect(places).not.toContain(-1);
    expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
    expect(this.files.usedBytes()).toBeLessThanOrEqual(limitBytes);
    return read;
  }
}

const sizes = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 12 });

const step = fc.oneof(
  { weight: 4, arbitrary: sizes.map((all) => ({ keep: all })) },
  fc.constant({ reopen: true }),
  fc.record({ cut: sizes, turns: fc.nat(40), torn: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ truncate: fc.nat(), to: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({ flip: fc.nat(), at: fc.nat() }),
  fc.record({ refuse: sizes, operation: fc.constantFrom('write', 'sync', 'open', 'unlink') }),
);

describe('the history', () => {
  it('tells nothing that did not happen and nothing torn, in order, within its limit, whatever happens to its files', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const lives = new Lives();
        await lives.history.start();
        for (const now of steps) {
          if ('keep' in now) await lives.keep(now.keep);
          else if ('reopen' in now) await lives.reopen();
          else if ('cut' in now) {
            void lives.keep(now.cut);
            for (let turn = 0; turn < now.turns; turn++) await Promise.resolve();
            const before = lives.history;
            lives.files.fault = () => 'EIO';
            await before.close();
            lives.files.fault = () => undefined;
            lives.files.powerCut(now.torn, () => now.turns % 2 === 0);
            await lives.reopen();
          } else if ('refuse' in now) {
            lives.files.fault = (operation) => (operation === now.operation ? 'ENOSPC' : undefined);
            await lives.keep(now.refuse);
            lives.files.fault = () => undefined;
          } else {
            const segments = lives.files.segments();
            const place = 'flip' in now ? now.flip : now.truncate;
            const path = segments[place % Math.max(1, segments.length)];
            if (path === undefined) continue;
            const bytes = lives.files.content(path);
            if ('flip' in now) lives.files.flip(path, now.at % Math.max(1, bytes.length));
            else lives.files.put(path, bytes.subarray(0, Math.floor(bytes.length * now.to)));
            await lives.reopen();
          }
          await lives.check();
        }
        // It goes on whatever was before: what is kept now is there after the next start.
        await lives.keep([1]);
        await lives.reopen();
        expect((await lives.check()).at(-1)).toBe(lives.given.at(-1)?.json);
      }),
      { numRuns: 60 },
    );
  });

  it('has the newest that fit after a power cut, without a hole', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sizes, { minLength: 1, maxLength: 20 }), async (batches) => {
        const lives = new Lives();
        for (const batch of batches) await lives.keep(batch);
        lives.files.powerCut();
        await lives.reopen();
        const read = await lives.check();
        const all = lives.given.map(({ json }) => json);
        expect(read).toEqual(all.slice(all.length - read.length));
        // At least half of the ring is in use once it has gone round.
        if (read.length < all.length)
          expect(lives.files.usedBytes()).toBeGreaterThan(limitBytes / 2);
        expect(lives.lost).toBe(0);
      }),
      { numRuns: 25 },
    );
  });
});
