import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ProcessStore } from '../../../../collectors/kernel/processes/process-store.js';
import { FakeClock } from '../../../support/fake-clock.js';

const mostBytes = 8 * 1024 * 1024;

describe('the memory of the process table', () => {
  it('is free again when every process has ended and is forgotten', async () => {
    const pid = fc.integer({ min: 1, max: 5 });
    const act = fc.tuple(fc.nat(3), pid, pid, fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(act), async (acts) => {
        const clock = new FakeClock();
        const store = new ProcessStore(clock);
        for (const [kind, one, other, text] of acts) {
          const facts = { executable: text, argv: [text, text] };
          const [record, parent] = [store.living(one), store.living(other)];
          if (kind === 0) store.begin(one, other, 0, parent?.program ?? store.newProgram(facts));
          if (kind === 1 && record !== undefined) store.execute(record, store.newProgram(facts));
          if (kind === 2 && record !== undefined) store.tell(record.program, facts);
          if (kind === 3) store.end(one, clock.wallMs());
        }
        for (const one of store.livingPids()) store.end(one, clock.wallMs());
        await clock.advance(120_000);
        store.begin(9, 1, 0, store.newProgram({}));
        expect(store.entries).toBe(1);
        store.end(9, clock.wallMs());
        await clock.advance(120_000);
        store.tell(store.newProgram(), {});
        expect([store.entries, store.bytes]).toEqual([0, 0]);
      }),
    );
  });

  it('keeps nobody waiting for a program that is never told, however many wait', async () => {
    const clock = new FakeClock();
    const store = new ProcessStore(clock);
    const program = store.newProgram();
    for (let count = 0; count < 20_000; count++) {
      store.onTold(program, () => undefined);
      if (count % 10 === 0) await clock.advance(10);
    }
    expect(program.waiting.length).toBeLessThanOrEqual(4096);
    let patient = true;
    store.onTold(program, () => (patient = false));
    await clock.advance(6_000);
    store.onTold(program, () => undefined);
    await clock.advance(0);
    expect(patient).toBe(false);
    expect(program.waiting).toHaveLength(1);
  });

  it('is bounded in entries, and gives up the ended first', () => {
    const clock = new FakeClock();
    const store = new ProcessStore(clock);
    for (let pid = 1; pid <= 10; pid++) store.begin(pid, 0, 0, store.newProgram({}));
    for (let pid = 100; pid < 30_000; pid++) {
      store.begin(pid, 1, 0, store.newProgram({}));
      store.end(pid, clock.wallMs());
    }
    expect(store.entries).toBeLessThanOrEqual(4096 + 10);
    expect(store.living(1)).toBeDefined();
    expect(store.ended(29_999)).toBeDefined();
    for (let pid = 30_000; pid < 60_000; pid++) store.begin(pid, 1, 0, store.newProgram({}));
    expect(store.livingPids().length).toBeLessThanOrEqual(16_384);
    expect(store.living(59_999)).toBeDefined();
  });

  it('is bounded in bytes, however long the command lines are', () => {
    const store = new ProcessStore(new FakeClock());
    for (let pid = 1; pid <= 2000; pid++) {
      const argv = ['x'.repeat(8000), `${pid}`];
      store.begin(pid, 1, 0, store.newProgram({ argv }));
      expect(store.bytes).toBeLessThanOrEqual(mostBytes);
    }
    expect(store.living(2000)).toBeDefined();
  });

  it('keeps whole arguments only, and says when some are missing', () => {
    const store = new ProcessStore(new FakeClock());
    const argv = ['sh', '-c', 'x'.repeat(20_000)];
    expect(store.newProgram({ argv }).facts).toEqual({ argv: ['sh', '-c'], argvComplete: false });
    expect(store.newProgram({ argv: ['sh'] }).facts).toEqual({ argv: ['sh'] });
  });
});
