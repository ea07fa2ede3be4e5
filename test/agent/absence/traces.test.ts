import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Beat } from '../../../agent/absence/moment.js';
import { busyMs, Traces } from '../../../agent/absence/traces.js';

const beat: Beat = { bootId: 'a', wallMs: 1, sinceBootMs: 2, awakeMs: 3, pid: 50, ended: 'asked' };
const made: string[] = [];
afterEach(() => {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true });
});

describe('what a run leaves in the runtime directory', () => {
  const places = [tmpdir(), '/dev/shm'].filter((place) => existsSync(place));

  it.each(places)('is there for the next run, whole, and nothing beside it (%s)', async (place) => {
    const directory = mkdtempSync(join(place, 'traces-'));
    made.push(directory);
    const traces = new Traces(directory);
    expect(await traces.take()).toEqual({ beat: undefined, systemd: undefined });
    for (const pid of [50, 5_000_000, 60]) await traces.leave({ ...beat, pid });
    expect(readdirSync(directory)).toEqual(['alive.json']);
    const { beat: left } = await new Traces(directory).take();
    expect(left).toEqual({ ...beat, pid: 60 });
  });

  it.runIf(existsSync('/dev/shm') && statfsSync('/dev/shm').type === 0x0102_1994)(
    'is written before the call returns where the directory is memory',
    async () => {
      const directory = mkdtempSync('/dev/shm/traces-');
      made.push(directory);
      // The directory comes after what was left in it is asked for.
      rmSync(directory, { recursive: true });
      const traces = new Traces(directory);
      await traces.take();
      mkdirSync(directory);
      await traces.leave(beat);
      const before = statSync(join(directory, 'alive.json')).ino;
      const left = traces.leave({ ...beat, pid: 51 });
      await Promise.resolve();
      expect(statSync(join(directory, 'alive.json')).ino).not.toBe(before);
      await left;
    },
  );

  it('is lost without a word where there is no such directory', async () => {
    const traces = new Traces('/nonexistent/run');
    expect(await traces.take()).toEqual({ beat: undefined, systemd: undefined });
    await traces.leave(beat);
  });
});

it('for how long the process ran is told by the kernel, or not known', () => {
  expect(busyMs('/proc')).toBeGreaterThan(0);
  expect(busyMs('/nonexistent')).toBeUndefined();
});
