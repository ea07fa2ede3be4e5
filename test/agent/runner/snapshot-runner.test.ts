import { describe, expect, it } from 'vitest';
import { SnapshotRunner } from '../../../agent/runner/snapshot-runner.js';
import type { AnySnapshotCollector } from '../../../collectors/interface/collector.js';
import { FakeClock } from '../../support/fake-clock.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';

type Answer = Awaited<ReturnType<AnySnapshotCollector['collect']>>;

function setUp(answers: (Answer | Error | 'hang')[], leastIntervalMs?: number) {
  const clock = new FakeClock();
  const log = recordingLog();
  const snapshots: number[] = [];
  const losses: string[] = [];
  const told: string[] = [];
  let calls = 0;
  let aborted = false;
  const runner = new SnapshotRunner({
    collector: {
      kind: 'snapshot',
      name: 'ListeningPorts',
      ...(leastIntervalMs !== undefined && { leastIntervalMs }),
      collect: ({ signal }) => {
        calls++;
        signal.addEventListener('abort', () => (aborted = true));
        const answer = answers.shift() ?? [];
        if (answer === 'hang') return new Promise(() => undefined);
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
    host: {} as never,
    clock,
    log,
    moments: unspread,
    lose: (cause) => losses.push(cause),
    tell: (severity, sentence) => told.push(`${severity}: ${sentence}`),
    pipeline: { snapshot: (_, payloads) => void snapshots.push(payloads.length) },
  });
  return {
    clock,
    log,
    runner,
    snapshots,
    losses,
    told,
    calls: () => calls,
    aborted: () => aborted,
  };
}

describe('a snapshot', () => {
  it('is taken at once and then at each interval, whatever the wall clock does', async () => {
    const { clock, runner, snapshots } = setUp([]);
    await runner.start(10_000);
    expect(snapshots).toEqual([0]);
    clock.stepWall(86_400_000);
    await clock.advance(9_999);
    expect(snapshots).toHaveLength(1);
    clock.stepWall(-3 * 86_400_000);
    await clock.advance(1);
    expect(snapshots).toHaveLength(2);
  });

  it('that finds nothing is an answer, one that fails is none and is tried again sooner', async () => {
    const { clock, runner, snapshots, losses, log } = setUp([
      new Error('cannot open /proc/net/tcp'),
    ]);
    await runner.start(86_400_000);
    expect(snapshots).toEqual([]);
    expect(runner.state).toMatchObject({ state: 'failing' });
    expect(losses).toEqual(['collectorFailed']);
    expect(log.messages('warn').join()).toContain('cannot open /proc/net/tcp');
    await clock.advance(60_000);
    expect(snapshots).toEqual([0]);
    expect(runner.state).toMatchObject({ state: 'running' });
  });

  it('that is not available says so once', async () => {
    const missing = { unavailable: 'this kernel has no /proc/net' };
    const { clock, runner, log } = setUp([missing, missing, missing]);
    await runner.start(1_000);
    await clock.advance(2_000);
    expect(runner.state).toMatchObject({ state: 'unavailable', limitation: missing.unavailable });
    expect(log.messages('info')).toHaveLength(1);
  });

  it('that gives nothing is told to the hub once with its reason, again when that changes, and when it works', async () => {
    const missing = { unavailable: 'this kernel has no /proc/net' };
    const { clock, runner, told } = setUp([missing, missing, { unavailable: 'other' }, [], []]);
    await runner.start(1_000);
    await clock.advance(4_000);
    expect(told).toEqual([
      'Information: ListeningPorts is not available here: this kernel has no /proc/net',
      'Information: ListeningPorts is not available here: other',
      'Information: The snapshot ListeningPorts works again.',
    ]);
  });

  it('that hangs for ever is not begun a second time beside the first', async () => {
    const { clock, runner, calls, told } = setUp(['hang']);
    void runner.start(3_600_000);
    await clock.advance(3_600_000);
    expect(calls()).toBe(1);
    expect(runner.state).toMatchObject({
      state: 'failing',
      limitation: 'the one before, which was given up, has not ended yet',
    });
    expect(told).toHaveLength(2);
  });

  it('that hangs is given up after its deadline and aborted', async () => {
    const { clock, runner, aborted, losses } = setUp(['hang']);
    const started = runner.start(86_400_000);
    await clock.advance(120_000);
    await started;
    expect(aborted()).toBe(true);
    expect(losses).toEqual(['collectorFailed']);
  });

  it('follows a new interval, counted from the last snapshot', async () => {
    const { clock, runner, calls } = setUp([]);
    await runner.start(100_000);
    await clock.advance(5_000);
    runner.setInterval(20_000);
    await clock.advance(15_000);
    expect(calls()).toBe(2);
    await clock.advance(20_000);
    expect(calls()).toBe(3);
  });

  it('is not taken at once by a whole fleet whose interval becomes shorter than what has passed', async () => {
    const { clock, runner, calls } = setUp([]);
    await runner.start(100_000);
    await clock.advance(50_000);
    runner.setInterval(20_000);
    await clock.advance(19_999);
    expect(calls()).toBe(1);
    await clock.advance(1);
    expect(calls()).toBe(2);
  });

  it('is taken no more often than the collector needs, whatever the interval', async () => {
    const { clock, runner, calls } = setUp([], 86_400_000);
    await runner.start(60_000);
    runner.setInterval(30_000);
    await clock.advance(86_399_999);
    expect(calls()).toBe(1);
    await clock.advance(1);
    expect(calls()).toBe(2);
  });

  it('of which only news are told hands on nothing when there are none, and says what was handed on', async () => {
    const told: string[] = [];
    const news = (name: string, count: number): Answer => ({
      news: Array.from({ length: count }, () => ({ Protocol: 'tcp', LocalPort: '1' })),
      told: () => told.push(name),
    });
    const { clock, runner, snapshots } = setUp([news('a', 2), news('b', 0), 'hang']);
    await runner.start(1_000);
    await clock.advance(1_000);
    expect(snapshots).toEqual([2]);
    expect(told).toEqual(['a', 'b']);
    expect(runner.state).toMatchObject({ state: 'running' });
    await clock.advance(1_000);
    await runner.stop();
    expect(told).toEqual(['a', 'b']);
  });

  it('is not taken any more when the collector is off, not even one that is under way', async () => {
    const { clock, runner, snapshots } = setUp(['hang']);
    const started = runner.start(1_000);
    void runner.stop();
    await clock.advance(60_000);
    await started;
    expect(snapshots).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});
