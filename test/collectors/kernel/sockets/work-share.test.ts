import { describe, expect, it } from 'vitest';
import { WorkShare } from '../../../../collectors/kernel/sockets/work-share.js';
import { FakeClock } from '../../../support/fake-clock.js';

describe('work in the background', () => {
  it('takes a tenth of the time, however long the pieces are', async () => {
    for (const pieceMs of [3, 50, 700, 4000]) {
      const clock = new FakeClock();
      const work = new WorkShare(clock);
      let workedMs = 0;
      const beganMs = clock.monotonicMs();
      while (clock.monotonicMs() - beganMs < 600_000) {
        await clock.advance(work.waitMs());
        await clock.advance(pieceMs);
        work.spent(pieceMs);
        workedMs += pieceMs;
      }
      expect(workedMs).toBeLessThan(0.1 * 600_000 + 2000 + 2 * pieceMs);
      expect(workedMs).toBeGreaterThan(0.09 * 600_000);
    }
  });

  it('may begin at once after a rest, and while no more than two seconds of it were done', async () => {
    const clock = new FakeClock();
    const work = new WorkShare(clock);
    for (let piece = 0; piece < 4; piece++) {
      expect(work.waitMs()).toBe(0);
      await clock.advance(500);
      work.spent(500);
    }
    await clock.advance(10_000);
    expect(work.waitMs()).toBe(0);
  });
});
