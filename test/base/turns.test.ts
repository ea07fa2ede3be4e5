import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Turns } from '../../base/turns.js';

describe('turns', () => {
  it('run one step at a time in the order in which they came, whichever fail', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean()), fc.scheduler(), async (failing, scheduler) => {
        const turns = new Turns();
        const seen: string[] = [];
        const step = async (index: number): Promise<number> => {
          seen.push(`begin ${index}`);
          await scheduler.schedule(Promise.resolve());
          seen.push(`end ${index}`);
          if (failing[index] === true) throw new Error(`step ${index}`);
          return index;
        };
        const outcomes = Promise.allSettled(
          failing.map((_, index) => turns.run(() => step(index))),
        );
        await scheduler.waitFor(outcomes);
        expect(seen).toEqual(failing.flatMap((_, index) => [`begin ${index}`, `end ${index}`]));
        const statuses = (await outcomes).map(({ status }) => status);
        expect(statuses).toEqual(failing.map((fails) => (fails ? 'rejected' : 'fulfilled')));
      }),
    );
  });

  it('are settled when the steps have ended that came meanwhile, too', async () => {
    const turns = new Turns();
    const seen: string[] = [];
    void turns.run(async () => {
      await Promise.resolve();
      seen.push('first');
      void turns.run(async () => {
        await Promise.resolve();
        seen.push('second');
      });
    });
    await turns.settled();
    expect(seen).toEqual(['first', 'second']);
  });
});
