import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../base/unavailable.js';
import type { Observation } from '../../collectors/interface/collector.js';
import type { ProgramFacts } from '../../collectors/kernel/processes/process-record.js';
import type { ProcessFollower, Processes } from '../../collectors/kernel/processes/processes.js';
import type { SourceState } from '../../collectors/kernel/source-state.js';
import { processTerminate } from '../../collectors/process-terminate.js';
import { checkPayload } from '../../contract/payload-check.js';
import { fakeHost } from '../support/case-host.js';
import { FakeClock, settle } from '../support/fake-clock.js';

async function start(refusal?: string) {
  const clock = new FakeClock();
  let follower: ProcessFollower | undefined;
  const end = vi.fn();
  const processes: Processes = {
    ...fakeHost().processes,
    follow: (given) => {
      follower = given;
      return Promise.resolve(refusal === undefined ? { end } : { unavailable: refusal });
    },
  };
  const observed: Observation<'ProcessTerminate'>[] = [];
  const states: SourceState[] = [];
  const [lose, fail] = [vi.fn(), vi.fn()];
  const answer = await processTerminate.start({
    host: fakeHost({ clock, processes }),
    clock,
    emit: (observation) => {
      expect(checkPayload('ProcessTerminate', observation.payload)).toBeUndefined();
      observed.push(observation);
    },
    lose,
    setSource: (state) => states.push(state),
    fail,
  });
  const ended = (exitCode: number, signal: number, facts?: ProgramFacts, told?: Promise<void>) =>
    follower?.onEnd?.({
      pid: 7,
      exitCode,
      signal,
      timeMs: 1234,
      program: () => facts,
      container: () => null,
      onTold: (listener) => void (told ?? Promise.resolve()).then(listener),
    });
  return { answer, clock, observed, states, lose, fail, end, ended, follower: () => follower };
}

const shell = { executable: '/bin/sh' };

describe('ProcessTerminate', () => {
  it('tells program, pid, time and what it exited with', async () => {
    const { observed, ended, states } = await start();
    ended(3, 0, shell);
    await settle();
    expect(observed).toEqual([
      { timeMs: 1234, payload: { Executable: '/bin/sh', ProcessId: 7, ExitStatus: 3 } },
    ]);
    expect(states).toEqual([{ source: 'proc-connector' }]);
  });

  it.each([
    [9, 137, 'SIGKILL'],
    [15, 143, 'SIGTERM'],
    [6, 134, 'SIGABRT'],
    [11, 139, 'SIGSEGV'],
    [29, 157, 'SIGIO'],
    [34, 162, 'SIG34'],
  ])('tells a death by signal %i as %i and names it %s', async (signal, status, name) => {
    const { observed, ended } = await start();
    ended(0, signal, shell);
    await settle();
    expect(observed[0]?.payload).toMatchObject({
      ExitStatus: status,
      ExtraDetails: { Signal: name },
    });
  });

  it('says so when the program is not known', async () => {
    const { observed, ended } = await start();
    ended(0, 0);
    await settle();
    expect(observed[0]?.payload).toMatchObject({
      Executable: '',
      ExtraDetails: { ExecutableKnown: 'false' },
    });
  });

  it('waits for the program, but not for ever, and keeps the order', async () => {
    const { clock, observed, ended } = await start();
    ended(1, 0, undefined, new Promise(() => undefined));
    ended(2, 0, shell);
    await clock.advance(900);
    expect(observed).toEqual([]);
    await clock.advance(200);
    expect(observed.map(({ payload }) => payload.ExitStatus)).toEqual([1, 2]);
  });

  it('tells what waits when it is stopped', async () => {
    const { answer, observed, ended, end } = await start();
    if (isUnavailable(answer)) throw new Error(answer.unavailable);
    ended(1, 0, shell, new Promise(() => undefined));
    await answer.stop();
    expect(end).toHaveBeenCalledOnce();
    expect(observed).toHaveLength(1);
  });

  it('is unavailable without process events, and says why', async () => {
    const { answer } = await start('They need CAP_NET_ADMIN.');
    expect(answer).toEqual({
      unavailable: expect.stringMatching(
        /process events alone\. They need CAP_NET_ADMIN\.$/u,
      ) as string,
    });
  });

  it('passes on losses and the end of the process events', async () => {
    const { follower, lose, fail } = await start();
    follower()?.lose?.('socketOverflow', 1);
    follower()?.onFailed(new Error('It ended.'));
    expect(lose).toHaveBeenCalledWith('socketOverflow', 1);
    expect(fail).toHaveBeenCalledWith(new Error('It ended.'));
  });
});
