import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { HubError } from '../../../agent/hub/failure.js';
import type { LinkListener, LinkState } from '../../../agent/hub/link-state.js';
import { ConnectionHistory } from '../../../agent/status/connection-history.js';
import { MetricsFile } from '../../../agent/status/metrics-file.js';
import { RecentLosses } from '../../../agent/status/recent-losses.js';
import { FakeClock } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';

describe('the age of the connection', () => {
  function setUp() {
    const clock = new FakeClock();
    let listener: LinkListener = {};
    const link = {
      state: { name: 'stopped' } as LinkState,
      listen: (given: LinkListener) => {
        listener = given;
        return () => undefined;
      },
    };
    const history = new ConnectionHistory(link, clock, () => 60_000);
    const enter = (state: LinkState): void => {
      link.state = state;
      listener.onState?.(state);
    };
    const waiting = (message: string): LinkState => ({
      name: 'waiting',
      failure: new HubError('network', message),
      retryInMs: 30_000,
    });
    return { clock, history, enter, waiting };
  }

  it('without one counts from the start, over every attempt, and tells the last failure', async () => {
    const { clock, history, enter, waiting } = setUp();
    await clock.advance(10_000);
    enter({ name: 'connecting' });
    enter(waiting('Nobody listens.'));
    await clock.advance(10_000);
    expect(history.tell()).toEqual({
      state: 'waiting',
      seconds: 10,
      disconnectedSeconds: 20,
      toleratedSeconds: 60,
      failure: 'Nobody listens.',
      retryInSeconds: 20,
    });
    enter({ name: 'connecting' });
    expect(history.tell()).toMatchObject({ disconnectedSeconds: 20, failure: 'Nobody listens.' });
  });

  it('tells when the first attempt follows, where that waits for the moment of the device', async () => {
    const { clock, history, enter } = setUp();
    enter({ name: 'starting', connectInMs: 45_000 });
    await clock.advance(15_000);
    expect(history.tell()).toMatchObject({ state: 'starting', retryInSeconds: 30 });
  });

  it('begins anew with each loss of it, whatever the wall clock does', async () => {
    const { clock, history, enter, waiting } = setUp();
    enter({ name: 'connected' });
    clock.stepWall(86_400_000);
    await clock.advance(5_000);
    expect(history.tell()).toMatchObject({
      state: 'connected',
      seconds: 5,
      disconnectedSeconds: 0,
    });
    enter({ name: 'closing' });
    await clock.advance(3_000);
    enter(waiting('Reset.'));
    expect(history.tell()).toMatchObject({ disconnectedSeconds: 3 });
    enter({ name: 'connected' });
    expect(history.tell()).not.toHaveProperty('failure');
  });
});

describe('recent losses', () => {
  it('are those of about the last hour, and none of an earlier run', async () => {
    const clock = new FakeClock();
    const ledger = new LossLedger();
    ledger.count('Login', 'kernelLost', 100);
    const recent = new RecentLosses(ledger, clock);
    recent.start();
    const lastHour = (): number =>
      recent.of('Login', 'kernelLost', ledger.of('Login').kernelLost ?? 0);
    expect(lastHour()).toBe(0);
    ledger.count('Login', 'kernelLost', 4);
    await clock.advance(3_599_000);
    expect(lastHour()).toBe(4);
    await clock.advance(600_000);
    expect(lastHour()).toBe(0);
    ledger.count('Login', 'kernelLost', 1);
    expect(lastHour()).toBe(1);
    await clock.advance(86_400_000);
    expect(clock.timers).toBe(1);
    recent.stop();
    expect(clock.timers).toBe(0);
  });
});

describe('the metrics file', () => {
  it('is written at once and every minute, readable to all, over no link, and removed in the end', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'metrics-'));
    const path = join(directory, 'agent.prom');
    const precious = join(directory, 'precious');
    writeFileSync(precious, 'precious');
    symlinkSync(precious, `${path}.new`);
    const clock = new FakeClock();
    const log = recordingLog();
    let round = 0;
    const file = new MetricsFile({ path, content: () => `round ${++round}\n`, clock, log });
    const before = process.umask(0o077);
    try {
      await file.start();
    } finally {
      process.umask(before);
    }
    expect(readFileSync(path, 'utf8')).toBe('round 1\n');
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    await clock.advance(60_000);
    await expect.poll(() => readFileSync(path, 'utf8')).toBe('round 2\n');
    await file.stop();
    expect(() => statSync(path)).toThrow('ENOENT');
    rmSync(directory, { recursive: true });
    const lost = new MetricsFile({ path, content: () => '', clock, log });
    await lost.start();
    await clock.advance(60_000);
    await lost.stop();
    expect(log.messages('warn')).toHaveLength(1);
    expect(log.messages('warn')[0]).toMatch(/agent\.prom: ENOENT.*metricsFile/);
  });
});
