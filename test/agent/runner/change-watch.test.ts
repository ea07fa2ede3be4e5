import { describe, expect, it } from 'vitest';
import { SnapshotRunner } from '../../../agent/runner/snapshot-runner.js';
import type { WatchContext } from '../../../collectors/interface/collector.js';
import type { Unavailable } from '../../../base/unavailable.js';
import { FakeClock } from '../../support/fake-clock.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';

const dayMs = 86_400_000;

/** @param answers to the calls of `watch`, one after the other; then it is had */
function setUp(answers: (Unavailable | Error | 'hang')[] = []) {
  const clock = new FakeClock();
  const log = recordingLog();
  const watches: WatchContext[] = [];
  const times: number[] = [];
  const startMs = clock.monotonicMs();
  const held: (() => void)[] = [];
  const state = { stopped: 0, hold: false, snapshots: 0 };
  const runner = new SnapshotRunner({
    collector: {
      kind: 'snapshot',
      name: 'ConnectedHardware',
      collect: async () => {
        times.push(clock.monotonicMs() - startMs);
        if (state.hold) await new Promise<void>((resolve) => held.push(resolve));
        return [];
      },
      watch: (context) => {
        watches.push(context);
        const answer = answers.shift();
        if (answer === 'hang') return new Promise(() => undefined);
        if (answer instanceof Error) return Promise.reject(answer);
        const stop = () => {
          state.stopped++;
          return Promise.resolve();
        };
        return Promise.resolve(answer ?? { stop });
      },
    },
    host: {} as never,
    clock,
    log,
    moments: unspread,
    lose: () => undefined,
    tell: () => undefined,
    pipeline: { snapshot: () => state.snapshots++ },
  });
  return { clock, log, runner, watches, times, held, state };
}

describe('a snapshot that watches for changes', () => {
  it('is taken again soon after one, and then at its interval', async () => {
    const { clock, runner, watches, times } = setUp();
    await runner.start(dayMs);
    await clock.advance(60_000);
    watches[0]?.changed();
    await clock.advance(2_000);
    expect(times).toEqual([0, 61_000]);
    await clock.advance(dayMs - 2_000);
    expect(times).toHaveLength(2);
    await clock.advance(2_000);
    expect(times).toHaveLength(3);
    expect(runner.state.state).toBe('running');
  });

  it('is taken once more when something changed while it was taken', async () => {
    const { clock, runner, watches, times, held, state } = setUp();
    await runner.start(dayMs);
    state.hold = true;
    watches[0]?.changed();
    await clock.advance(2_000);
    watches[0]?.changed();
    await clock.advance(5_000);
    expect(times).toHaveLength(2);
    state.hold = false;
    held.forEach((release) => release());
    await clock.advance(1);
    expect(times).toHaveLength(3);
    expect(state.snapshots).toBe(3);
    await clock.advance(3_600_000);
    expect(times).toHaveLength(3);
  });

  it('whose watch breaks is watched again, and looks at what was missed', async () => {
    const { clock, log, runner, watches, times, state } = setUp();
    await runner.start(dayMs);
    watches[0]?.fail(new Error('The socket broke.'));
    await clock.advance(1);
    expect(state.stopped).toBe(1);
    expect(runner.state).toMatchObject({
      state: 'running',
      limitation: 'Changes are noticed with the next snapshot only: The socket broke.',
    });
    expect(log.messages('info').join()).toContain('The socket broke.');
    watches[0]?.changed();
    await clock.advance(59_000);
    expect(times).toHaveLength(1);
    await clock.advance(3_000);
    expect(watches).toHaveLength(2);
    expect(times).toHaveLength(2);
    expect(runner.state).not.toHaveProperty('limitation');
  });

  it.each([{ unavailable: 'No such socket.' }, new Error('No such socket.')])(
    'that cannot watch is taken at its interval, and says why once',
    async (answer) => {
      const { clock, log, runner, times } = setUp([answer, answer, answer]);
      await runner.start(dayMs);
      expect(times).toEqual([0]);
      expect(runner.state.limitation).toContain('No such socket.');
      await clock.advance(130_000);
      expect(log.messages('info')).toHaveLength(1);
      expect(times).toHaveLength(1);
    },
  );

  it('does not wait for a watch that hangs', async () => {
    const { clock, runner, times } = setUp(['hang']);
    const started = runner.start(dayMs);
    await clock.advance(5_000);
    await started;
    expect(times).toHaveLength(1);
  });

  it('is neither taken nor watched when it is off', async () => {
    const { clock, runner, watches, times, state } = setUp();
    await runner.start(dayMs);
    watches[0]?.changed();
    await runner.stop();
    watches[0]?.changed();
    await clock.advance(2 * dayMs);
    expect(times).toHaveLength(1);
    expect(state.stopped).toBe(1);
    expect(clock.timers).toBe(0);
  });
});
