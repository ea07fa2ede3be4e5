import { expect, it } from 'vitest';
import { LossLedger } from '../../../agent/accounting/losses.js';
import { CollectorsRunner } from '../../../agent/runner/collectors-runner.js';
import { evaluateTwin } from '../../../config/evaluate-twin.js';
import { Settings } from '../../../config/settings.js';
import type { TwinSettings } from '../../../config/twin-settings.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { unspread } from '../../support/moments.js';
import { recordingLog } from '../../support/recording-log.js';

const defaults = evaluateTwin({}, undefined).settings;

function setUp() {
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
    onObservation: () => undefined,
    onSnapshot: () => undefined,
    onStateChange: () => undefined,
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
