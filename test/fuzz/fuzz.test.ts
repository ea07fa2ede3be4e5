import fc from 'fast-check';
import { describe, it } from 'vitest';
import { mutationsOf } from './mutations.js';
import { targets } from './targets.js';

const runs = Number(process.env['FUZZ_RUNS'] ?? 150);
const seed = process.env['FUZZ_SEED'];
/** Of processor time, so that a busy machine is no slow parser; far above what any input of this size may take. */
const longestMs = 5_000;
/** What one input of at most some 100 KB may leave behind. */
const largestGrowthBytes = 300_000_000;

describe('hostile input is never thrown at, never becomes an invalid message, and ends', () => {
  it.each(Object.entries(targets))(
    '%s',
    async (_name, { seeds, run }) => {
      await fc.assert(
        fc.asyncProperty(mutationsOf(seeds), async (input) => {
          const before = process.cpuUsage();
          const { heapUsed } = process.memoryUsage();
          await run(input);
          const { user, system } = process.cpuUsage(before);
          if ((user + system) / 1000 > longestMs) throw new Error('it took unbounded time');
          if (process.memoryUsage().heapUsed - heapUsed > largestGrowthBytes)
            throw new Error('it took unbounded memory');
        }),
        { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) },
      );
    },
    60_000 + runs * 100,
  );
});
