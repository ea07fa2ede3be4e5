import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptMemory, longestMemoryBytes } from '../../../agent/state/kept-memory.js';
import { FakeClock } from '../../support/fake-clock.js';

let directory: string;
let clock: FakeClock;
let said: string[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'memory-'));
  clock = new FakeClock();
  said = [];
});

afterEach(() => rmSync(directory, { recursive: true }));

const path = (name: string): string => join(directory, 'memory', `${name}.json`);

function memory(journaled: () => Promise<void> = () => Promise.resolve()): KeptMemory {
  return new KeptMemory({
    stateDirectory: directory,
    clock,
    journaled,
    onProblem: (sentence) => said.push(sentence),
  });
}

describe('What collectors remember', () => {
  it('is there for the next run, whole, newest, and for nobody else to read', async () => {
    const first = memory();
    expect(await first.read('users')).toBeUndefined();
    first.write('users', { anna: 'old' });
    first.write('users', { anna: 'new' });
    expect(await first.read('users')).toEqual({ anna: 'new' });
    await first.save();
    expect(await memory().read('users')).toEqual({ anna: 'new' });
    expect(statSync(path('users')).mode & 0o777).toBe(0o600);
    expect(clock.timers).toBe(0);
    expect(said).toEqual([]);
  });

  it('is not written before the events that were emitted until then are journaled', async () => {
    let journal = (): void => undefined;
    const kept = memory(() => new Promise((resolve) => (journal = resolve)));
    kept.write('users', { anna: 'new' });
    const saved = kept.save();
    await clock.advance(0);
    expect(() => statSync(path('users'))).toThrow();
    journal();
    await saved;
    expect(readFileSync(path('users'), 'utf8')).toBe('{"anna":"new"}\n');
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '[1]'],
    ['longer than anything that is written', ' '.repeat(longestMemoryBytes + 1)],
  ])('counts as never looked where the file holds %s', async (_what, text) => {
    mkdirSync(join(directory, 'memory'));
    writeFileSync(path('users'), text);
    expect(await memory().read('users')).toBeUndefined();
  });

  it('is told once while it cannot be written, and written when it can', async () => {
    // In place of the directory, also for root.
    writeFileSync(join(directory, 'memory'), '');
    const kept = memory();
    kept.write('users', { anna: 'new' });
    await kept.save();
    await kept.save();
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(path('users'));
    rmSync(join(directory, 'memory'));
    await kept.save();
    expect(await memory().read('users')).toEqual({ anna: 'new' });
  });

  it('forgets what is too long, so that an older value is not taken for the newest', async () => {
    const kept = memory();
    kept.write('users', { anna: 'old' });
    await kept.save();
    kept.write('users', { anna: 'x'.repeat(longestMemoryBytes) });
    await kept.save();
    expect(await memory().read('users')).toBeUndefined();
    expect(clock.timers).toBe(0);
    expect(said[0]).toContain(`longer than ${longestMemoryBytes} bytes`);
  });
});
