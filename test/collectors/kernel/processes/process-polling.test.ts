import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { forkedWithoutExec, kernelThread } from '../../../../collectors/kernel/processes/proc.js';
import { ProcessPolling } from '../../../../collectors/kernel/processes/process-polling.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { pathsUnder } from '../../../../collectors/kernel/paths.js';

let procRoot: string;
beforeEach(() => {
  procRoot = mkdtempSync(join(tmpdir(), 'polling-'));
});
afterEach(() => rmSync(procRoot, { recursive: true }));

function appear(pid: number, flags = 0, comm = 'x'): void {
  mkdirSync(join(procRoot, String(pid)), { recursive: true });
  const stat = `${pid} (${comm}) S 1 1 1 0 -1 ${flags} 1 0 0 0 0 0 0 0 20 0 1 0 ${pid} 0 0\n`;
  writeFileSync(join(procRoot, String(pid), 'stat'), stat);
}
const vanish = (pid: number) => rmSync(join(procRoot, String(pid)), { recursive: true });

function setUp() {
  const clock = new FakeClock();
  const told: number[] = [];
  const lose = vi.fn();
  const polling = new ProcessPolling({
    paths: { ...pathsUnder('/nonexistent'), procRoot },
    clock,
    intervalMs: 1000,
    onProcess: (pid) => told.push(pid),
    lose,
  });
  return { clock, told, lose, polling };
}

describe('looking at /proc', () => {
  it('takes what is there at the start for the baseline', async () => {
    appear(1);
    const { clock, told, polling } = setUp();
    polling.start();
    await clock.advance(2000);
    expect(told).toEqual([]);
  });

  it('tells a new process once, and again when the pid was free in between', async () => {
    const { clock, told, polling } = setUp();
    polling.start();
    appear(20);
    appear(10);
    await clock.advance(3000);
    expect(told).toEqual([10, 20]);
    vanish(10);
    await clock.advance(1000);
    appear(10);
    await clock.advance(1000);
    expect(told).toEqual([10, 20, 10]);
  });

  it('tells a daemon that systemd is about to execute, and again what it executed', async () => {
    const { clock, told, polling } = setUp();
    polling.start();
    appear(30, 0, '(sshd)');
    appear(31, 0, '(named)');
    await clock.advance(3000);
    expect(told).toEqual([30, 31]);
    appear(30, 0, 'sshd');
    await clock.advance(60_000);
    appear(31, 0, 'later');
    await clock.advance(3000);
    expect(told).toEqual([30, 31, 30]);
  });

  it('tells a forked process when it has called exec, and not one that stays a copy', async () => {
    const { clock, told, polling } = setUp();
    polling.start();
    appear(30, forkedWithoutExec);
    appear(31, forkedWithoutExec);
    appear(32, kernelThread);
    await clock.advance(2000);
    expect(told).toEqual([]);
    // A busy machine lets it wait for its exec.
    await clock.advance(9000);
    appear(30);
    await clock.advance(10_000);
    appear(31);
    await clock.advance(2000);
    expect(told).toEqual([30]);
  });

  it('counts a look that comes late', async () => {
    const { clock, lose, polling } = setUp();
    const monotonic = vi.spyOn(clock, 'monotonicMs');
    polling.start();
    await clock.advance(1000);
    expect(lose).not.toHaveBeenCalled();
    monotonic.mockReturnValue(10_000);
    await clock.advance(1000);
    expect(lose.mock.calls).toEqual([['pollingGap', 1]]);
  });

  it('looks no more once stopped', async () => {
    const { clock, told, polling } = setUp();
    polling.start();
    polling.stop();
    appear(40);
    await clock.advance(5000);
    expect(told).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
