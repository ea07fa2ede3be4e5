import { describe, expect, it } from 'vitest';
import { TriggeredRunner } from '../../../agent/runner/triggered-runner.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { TriggeredContext } from '../../../collectors/interface/collector.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { recordingLog } from '../../support/recording-log.js';

const observation = {
  timeMs: 1,
  payload: {
    Executable: '/bin/true',
    ProcessId: 2,
    ParentProcessId: 1,
    UserId: '0',
    CommandLine: 'true',
  },
};

function setUp(refusals: (Unavailable | Error | Promise<void>)[] = []) {
  const clock = new FakeClock();
  const log = recordingLog();
  const contexts: TriggeredContext[] = [];
  const seen: unknown[] = [];
  const losses: string[] = [];
  const told: string[] = [];
  let armed = 0;
  const runner = new TriggeredRunner({
    collector: {
      kind: 'triggered',
      name: 'ProcessCreate',
      start: (context) => {
        contexts.push(context);
        const refusal = refusals.shift();
        const arm = () => {
          armed++;
          context.setSource({ source: 'audit-owner' });
          return {
            stop: () => {
              armed--;
              return Promise.resolve();
            },
          };
        };
        if (refusal instanceof Error) return Promise.reject(refusal);
        if (refusal instanceof Promise) return refusal.then(arm);
        return Promise.resolve(refusal ?? arm());
      },
    },
    host: {} as never,
    clock,
    log,
    lose: (cause) => losses.push(cause),
    tell: (severity, sentence) => told.push(`${severity}: ${sentence}`),
    pipeline: { observe: (_, seenNow) => void seen.push(seenNow) },
    onStateChange: () => undefined,
  });
  const context = (): TriggeredContext => {
    const last = contexts.at(-1);
    if (last === undefined) throw new Error('not started');
    return last;
  };
  return {
    clock,
    log,
    runner,
    seen,
    losses,
    told,
    context,
    armed: () => armed,
    starts: () => contexts.length,
  };
}

describe('a triggered collector', () => {
  it('passes on what it emits while it runs, and nothing after its stop', async () => {
    const { runner, seen, context, armed } = setUp();
    await runner.start();
    context().emit(observation);
    expect(runner.state).toMatchObject({ state: 'running', source: 'audit-owner' });
    await runner.stop();
    context().emit(observation);
    expect(seen).toHaveLength(1);
    expect(armed()).toBe(0);
    expect(runner.state).toEqual({ state: 'off' });
  });

  it('that breaks is stopped, counted, and armed again later', async () => {
    const { clock, runner, losses, context, armed, starts } = setUp();
    await runner.start();
    context().fail(new Error('the socket was closed'));
    await settle();
    expect(armed()).toBe(0);
    expect(runner.state).toEqual({ state: 'failing', limitation: 'the socket was closed' });
    expect(losses).toEqual(['collectorFailed']);
    await clock.advance(5_000);
    expect(starts()).toBe(2);
    expect(armed()).toBe(1);
  });

  it('that is not available, or throws, is tried again with growing pauses', async () => {
    const { clock, runner, log, starts } = setUp([
      { unavailable: 'no audit in this kernel' },
      { unavailable: 'no audit in this kernel' },
      new Error('bad luck'),
    ]);
    await runner.start();
    expect(runner.state).toEqual({ state: 'unavailable', limitation: 'no audit in this kernel' });
    await clock.advance(5_000);
    await clock.advance(9_999);
    expect(starts()).toBe(2);
    await clock.advance(1);
    expect(starts()).toBe(3);
    await clock.advance(20_000);
    expect(starts()).toBe(4);
    expect(runner.state.state).toBe('running');
    expect(log.messages('warn')).toHaveLength(2);
  });

  it('that gives nothing is told to the hub once with its reason, and when it works again', async () => {
    const missing = { unavailable: 'no audit in this kernel' };
    const { clock, runner, told } = setUp([missing, missing, new Error('bad luck')]);
    await runner.start();
    await clock.advance(60_000);
    expect(told).toEqual([
      'Information: ProcessCreate is not available here: no audit in this kernel',
      'Warning: The collector ProcessCreate stopped working: bad luck',
      'Information: The collector ProcessCreate works again.',
    ]);
  });

  it('that is not armed in time is given up, and stopped when it is armed after all', async () => {
    let arm: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (arm = resolve));
    const { clock, runner, armed, losses, starts } = setUp([slow]);
    const started = runner.start();
    await clock.advance(30_000);
    await started;
    expect(runner.state).toEqual({
      state: 'failing',
      limitation: 'it was not armed within 30 s',
    });
    expect(losses).toEqual(['collectorFailed']);
    await clock.advance(5_000);
    expect(starts()).toBe(1);
    arm();
    await settle();
    expect(armed()).toBe(0);
    await clock.advance(60_000);
    expect(armed()).toBe(1);
    expect(runner.state.state).toBe('running');
  });

  it('switched off and on in quick succession ends as asked last, armed once', async () => {
    const { runner, armed } = setUp();
    await Promise.all([
      runner.start(),
      runner.stop(),
      runner.start(),
      runner.stop(),
      runner.start(),
    ]);
    expect(armed()).toBe(1);
    await Promise.all([runner.stop(), runner.start(), runner.stop()]);
    expect(armed()).toBe(0);
  });
});
