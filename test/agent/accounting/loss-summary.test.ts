import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { CountersFile, storedCounts } from '../../../agent/accounting/counters-file.js';
import { LossSummary } from '../../../agent/accounting/loss-summary.js';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { type Log, silentLog } from '../../../base/log.js';
import { FakeClock } from '../../support/fake-clock.js';

function bench() {
  const clock = new FakeClock();
  const losses = new LossLedger();
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const log: Log = { ...silentLog, warn: at('warn'), info: at('info') };
  const summary = new LossSummary(losses, clock, log);
  losses.onChange(() => summary.changed());
  summary.start({});
  return { clock, losses, lines, summary };
}

describe('the summary of losses', () => {
  it('is one line a minute, however much is lost, and none without losses', async () => {
    const { clock, losses, lines } = bench();
    await clock.advance(180_000);
    expect(lines).toEqual([]);
    for (let second = 0; second < 150; second++) {
      for (let n = 0; n < 100; n++) losses.count('low', 'pipelineOverflow', 1);
      await clock.advance(1000);
    }
    await clock.advance(180_000);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toMatch(/^warn Lost .* low pipelineOverflow 6\d00\.$/);
    const told = lines.map((line) => Number(/(\d+)\.$/.exec(line)?.[1]));
    expect(told.reduce((sum, count) => sum + count, 0)).toBe(15_000);
  });

  it('warns of whole events only, and tells the rest at the end', () => {
    const { losses, lines, summary } = bench();
    losses.count('ProcessCreate', 'commandLineCut', 2);
    summary.stop();
    expect(lines).toEqual([
      'info Lost or reported incompletely within the last minute: ProcessCreate commandLineCut 2.',
    ]);
  });
});

describe('counts of losses', () => {
  it('of whole events are on disk within five seconds, others within a minute', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'counters-'));
    try {
      const clock = new FakeClock();
      const counters = new CountersFile(directory, clock, silentLog, () => ({ saved: 1 }));
      const saved = (): boolean => {
        try {
          return readFileSync(join(directory, 'counters.json'), 'utf8') !== '';
        } catch {
          return false;
        }
      };
      counters.changed();
      await clock.advance(5_000);
      expect(saved()).toBe(false);
      counters.changed(true);
      await clock.advance(5_000);
      await vi.waitFor(() => expect(saved()).toBe(true), 10_000);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it('of names that no version wrote are not taken from a damaged file', () => {
    const losses = new LossLedger();
    losses.restore(
      storedCounts({ high: { spoolFull: 2, spoolFulm: 3 }, 'lo\u0001w': { spoolFull: 4 } }),
    );
    expect(losses.snapshot()).toEqual({ high: { spoolFull: 2 } });
  });
});
