import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Watch } from './audit-support.js';
import { kernelState, markersSeen, startPrograms, until, watch } from './audit-support.js';

describe('the audit feed on the real kernel', () => {
  let before: ReturnType<typeof kernelState>;
  let watched: Watch | undefined;

  beforeEach(() => {
    before = kernelState();
  });

  afterEach(async () => {
    await watched?.stop();
    watched = undefined;
    expect(kernelState()).toEqual(before);
  });

  it('sees 3,000 programs started back to back, each exactly once, and loses nothing', async () => {
    watched = await watch();
    const { execs, losses } = watched;
    await startPrograms('burst', 3000);
    await until('all programs', 10_000, () => markersSeen(execs, 'burst').length >= 3000);
    const seen = markersSeen(execs, 'burst');
    expect(seen).toHaveLength(3000);
    expect(new Set(seen).size).toBe(3000);
    expect(Object.fromEntries(losses)).toEqual({});
    const one = execs.find(({ argv }) => argv[1] === 'burst-1');
    expect(one).toMatchObject({ argv: ['/bin/true', 'burst-1'], uid: 0, complete: true });
    expect(one?.exe).toMatch(/\/true$/);
  });
});
