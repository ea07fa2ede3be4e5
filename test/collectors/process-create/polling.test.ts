import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import { polling } from '../../../collectors/process-create/sources/polling.js';
import type { StartedProgram } from '../../../collectors/process-create/sources/program.js';
import { pathsUnder } from '../../../collectors/kernel/paths.js';
import { fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';

let procRoot: string;
beforeEach(() => {
  procRoot = mkdtempSync(join(tmpdir(), 'polling-'));
});
afterEach(() => rmSync(procRoot, { recursive: true }));

const place = (pid: number, name = ''): string => join(procRoot, String(pid), name);
const vanish = (pid: number): void => rmSync(place(pid), { recursive: true });

/** A process that executes a program of which the kernel has put these arguments in place. */
function appear(pid: number, cmdline: string, startTicks = pid): void {
  rmSync(place(pid), { recursive: true, force: true });
  mkdirSync(place(pid));
  const stat = `${pid} (sh) R 1 1 1 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 ${startTicks} 0 0\n`;
  writeFileSync(place(pid, 'stat'), stat);
  writeFileSync(place(pid, 'cmdline'), cmdline);
  symlinkSync('/bin/dash', place(pid, 'exe'));
}

async function setUp() {
  const clock = new FakeClock();
  const told: StartedProgram[] = [];
  const paths = { ...pathsUnder('/nonexistent'), procRoot };
  const opened = await polling.open(fakeHost({ clock, paths }), {
    onFacts: (facts) => told.push(facts),
    lose: () => undefined,
    onState: () => undefined,
    onFailed: () => undefined,
  });
  if (isUnavailable(opened)) throw new Error(opened.unavailable);
  const lines = () => told.map(({ pid, argv }) => [pid, argv.join(' ')]);
  return { clock, opened, told, lines };
}

describe('a program that is seen while the kernel loads it', () => {
  it('is told with its arguments as soon as they are there, and at the time it was seen', async () => {
    const { clock, told, lines } = await setUp();
    appear(20, '');
    await clock.advance(1000);
    const seenMs = clock.wallMs();
    expect(lines()).toEqual([]);
    appear(20, 'sh\0-c\0true\0');
    await clock.advance(20);
    expect(lines()).toEqual([[20, 'sh -c true']]);
    expect(told).toMatchObject([{ timeMs: seenMs, argvComplete: true }]);
  });

  it('is told without them where it never has any, once', async () => {
    const { clock, lines } = await setUp();
    appear(20, '');
    await clock.advance(3000);
    expect(lines()).toEqual([[20, '']]);
  });

  it('is told as it was seen when it is gone, also where another has its pid', async () => {
    const { clock, lines } = await setUp();
    appear(20, '');
    appear(21, '');
    await clock.advance(1000);
    vanish(20);
    appear(21, 'other\0', 99);
    await clock.advance(20);
    expect(lines()).toEqual([
      [20, ''],
      [21, ''],
    ]);
  });

  it('is told at the stop of the collector', async () => {
    const { clock, opened, lines } = await setUp();
    appear(20, '');
    await clock.advance(1000);
    await opened.end();
    await clock.advance(1000);
    expect(lines()).toEqual([[20, '']]);
  });
});
