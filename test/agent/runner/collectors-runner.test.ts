import { describe, expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { CollectorsRunner } from '../../../agent/runner/collectors-runner.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { Settings } from '../../../config/settings.js';
import type { TwinSettings } from '../../../config/twin-settings.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';

const defaults = evaluateTwin({}, undefined).settings;

function setUp(options: Pick<ConstructorParameters<typeof CollectorsRunner>[0], 'isJudged'> = {}) {
  const steps: string[] = [];
  let arm: () => void = () => undefined;
  const runner = new CollectorsRunner({
    collectors: [
      {
        kind: 'triggered',
        name: 'Login',
        start: async () => {
          await new Promise<void>((resolve) => (arm = resolve));
          steps.push('armed');
          return { stop: () => Promise.resolve(void steps.push('stopped')) };
        },
      },
    ],
    host: {} as never,
    clock: new FakeClock(),
    log: recordingLog(),
    moments: unspread,
    losses: new LossLedger(),
    settings: new Settings(evaluateTwin({}, undefined)),
    pipeline: { observe: () => undefined, snapshot: () => undefined },
    onStateChange: () => undefined,
    tell: () => undefined,
    ...options,
  });
  const apply = (eventPriorityLogin: TwinSettings['eventPriorityLogin']): Promise<void> =>
    runner.apply({ ...defaults, eventPriorityLogin });
  return { runner, steps, apply, arm: () => arm() };
}

it('settings that came while a collector starts are applied once it has, the newest alone', async () => {
  const { steps, apply, arm, runner } = setUp();
  const first = apply('High');
  await settle();
  const others = Array.from({ length: 100 }, (_, index) => apply(index % 2 === 0 ? 'Off' : 'Low'));
  arm();
  await Promise.all([first, ...others]);
  expect(steps).toEqual(['armed']);
  expect(runner.states()).toMatchObject({ Login: { state: 'running' } });
  await apply('Off');
  expect(steps).toEqual(['armed', 'stopped']);
});

it('one that is Off runs all the same while rules of detection ask for its event', async () => {
  const asked = { value: true };
  const { steps, apply, arm } = setUp({ isJudged: (name) => name === 'Login' && asked.value });
  const first = apply('Off');
  await settle();
  arm();
  await first;
  expect(steps).toEqual(['armed']);
  asked.value = false;
  await apply('Off');
  expect(steps).toEqual(['armed', 'stopped']);
});

it('a stop comes after the settings that were given before it, and before those that came later', async () => {
  const { steps, apply, arm, runner } = setUp();
  void apply('High');
  await settle();
  void apply('Low');
  const stopped = runner.stop();
  void apply('High');
  arm();
  await stopped;
  expect(steps).toEqual(['armed', 'stopped']);
  await settle();
  arm();
  await settle();
  expect(steps).toEqual(['armed', 'stopped', 'armed']);
});

describe('a collector that hangs, and one that throws,', () => {
  function beside() {
    const clock = new FakeClock();
    const settings = new Settings(evaluateTwin({}, undefined));
    const seen: string[] = [];
    const stopped: string[] = [];
    const told: string[] = [];
    const never = (): Promise<never> => new Promise(() => undefined);
    const losses = new LossLedger();
    const runner = new CollectorsRunner({
      collectors: [
        { kind: 'triggered', name: 'Login', start: never },
        { kind: 'snapshot', name: 'LocalUsers', collect: never },
        {
          kind: 'snapshot',
          name: 'OSBaseline',
          collect: () => Promise.reject(new Error('no disk')),
        },
        {
          kind: 'triggered',
          name: 'ConnectionCreate',
          start: () => Promise.reject(new Error('no socket')),
        },
        {
          kind: 'triggered',
          name: 'ProcessTerminate',
          start: () => Promise.resolve({ stop: never }),
        },
        {
          kind: 'triggered',
          name: 'ProcessCreate',
          start: () =>
            Promise.resolve({ stop: () => Promise.resolve(void stopped.push('ProcessCreate')) }),
        },
        { kind: 'snapshot', name: 'ListeningPorts', collect: () => Promise.resolve([]) },
      ],
      host: {} as never,
      clock,
      log: recordingLog(),
      moments: unspread,
      losses,
      settings,
      pipeline: { observe: () => undefined, snapshot: (name) => void seen.push(name) },
      onStateChange: () => undefined,
      tell: (severity, sentence) => told.push(`${severity}: ${sentence}`),
    });
    return { clock, losses, runner, seen, settings, stopped, told };
  }

  it('delay no other, neither at the start nor at its next turn', async () => {
    const { clock, runner, seen } = beside();
    void runner.start();
    await settle();
    expect(seen).toEqual(['ListeningPorts']);
    const { ProcessCreate, OSBaseline, ConnectionCreate } = runner.states();
    expect(ProcessCreate?.state).toBe('running');
    expect(OSBaseline).toMatchObject({ state: 'failing', limitation: 'no disk' });
    expect(ConnectionCreate).toMatchObject({ state: 'failing', limitation: 'no socket' });
    await clock.advance(defaults.snapshotFrequency.ms);
    expect(seen).toEqual(['ListeningPorts', 'ListeningPorts']);
  });

  it('let the agent be ready soon, and are said to be failing', async () => {
    const { clock, losses, runner, told } = beside();
    const started = runner.start();
    await clock.advance(10_000);
    await started;
    await clock.advance(20_000);
    expect(runner.states()).toMatchObject({
      Login: { state: 'failing', limitation: 'it was not armed within 30 s' },
    });
    await clock.advance(90_000);
    expect(runner.states()).toMatchObject({
      LocalUsers: { state: 'failing', limitation: 'it took longer than 120 s and was given up' },
    });
    expect(losses.of('LocalUsers')).toEqual({ collectorFailed: 1 });
    expect(told).toContain('Warning: The collector ConnectionCreate stopped working: no socket');
    expect(told.filter((sentence) => sentence.includes('no socket'))).toHaveLength(1);
  });

  it('keep no setting from the others', async () => {
    const { runner, settings, stopped } = beside();
    void runner.start();
    await settle();
    const off = { ...defaults, eventPriorityProcessCreate: 'Off' as const };
    settings.replace({ ...evaluateTwin({}, undefined), settings: off }, 2);
    await settle();
    expect(stopped).toEqual(['ProcessCreate']);
    expect(runner.states()['ProcessCreate']).toEqual({ state: 'off' });
  });

  it('do not hold up the stop for longer than they are given', async () => {
    const { clock, runner, stopped } = beside();
    void runner.start();
    await settle();
    const all = runner.stop();
    await clock.advance(10_000);
    await all;
    expect(stopped).toEqual(['ProcessCreate']);
  });
});
