import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Backlog } from '../../../agent/spool/backlog.js';

const body = Buffer.from('event');

it('an event is given its number and told once, however many come after it and whatever is taken away', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.constant('add' as const),
          fc.constant('hold' as const),
          fc.record({ settle: fc.integer({ min: 0, max: 4 }) }),
        ),
        { maxLength: 60 },
      ),
      async (steps) => {
        const backlog = new Backlog();
        const outcomes: Promise<string>[] = [];
        const told: string[] = [];
        let [added, taken, held, numbers] = [0, 0, 0, 0];
        for (const step of steps) {
          if (step === 'add') {
            const outcome = backlog.add(body, added++, 1, true);
            if (outcome === undefined) throw new Error('It is full.');
            outcomes.push(outcome);
          } else if (step === 'hold') {
            backlog.hold((entry) => {
              expect(entry.sequence).toBeUndefined();
              entry.sequence = numbers++;
            });
            for (; held < added; held++) told[held] = 'held';
          } else {
            backlog.settle(step.settle, 'stored');
            taken = Math.min(added, taken + step.settle);
            for (; held < taken; held++) told[held] = 'stored';
          }
          expect(backlog.count).toBe(added - taken);
          const walls = backlog.held().map(({ wallMs }) => wallMs);
          const waiting = Array.from({ length: added }, (_, index) => index).slice(taken, held);
          expect(walls).toEqual(waiting);
        }
        backlog.hold((entry) => (entry.sequence ??= numbers++));
        for (; held < added; held++) told[held] = 'held';
        expect(await Promise.all(outcomes)).toEqual(told);
      },
    ),
  );
});
