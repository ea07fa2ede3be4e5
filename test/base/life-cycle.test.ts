import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LifeCycle, type Part } from '../../base/life-cycle.js';

interface Shape {
  readonly starts: 'well' | 'fails' | 'not at all';
  readonly stops: 'well' | 'fails' | 'not at all';
}

const howItGoes = fc.constantFrom<Shape['starts']>('well', 'well', 'fails', 'not at all');
const shapes = fc.array(fc.record({ starts: howItGoes, stops: howItGoes }), { maxLength: 6 });

function record(parts: readonly Shape[]) {
  const steps: string[] = [];
  const failed: string[] = [];
  const step = (what: string, name: string, how: Shape['starts']) => async () => {
    await Promise.resolve();
    steps.push(`${what} ${name}`);
    if (how === 'fails') throw new Error(name);
  };
  const made = parts.map(({ starts, stops }, index): Part => {
    const name = `part ${index}`;
    return {
      name,
      ...(starts !== 'not at all' && { start: step('start', name, starts) }),
      ...(stops !== 'not at all' && { stop: step('stop', name, stops) }),
    };
  });
  const lifeCycle = new LifeCycle(made, {
    stopping: () => undefined,
    stopFailed: ({ name }) => failed.push(name),
  });
  return { lifeCycle, steps, failed };
}

it('starts in order up to the first that fails, and ends every part in the reverse order, once', async () => {
  await fc.assert(
    fc.asyncProperty(shapes, async (parts) => {
      const { lifeCycle, steps, failed } = record(parts);
      const started = await lifeCycle.start().then(
        () => true,
        () => false,
      );
      const broken = parts.findIndex(({ starts }) => starts === 'fails');
      expect(started).toBe(broken === -1);
      const begun = parts.slice(0, broken === -1 ? parts.length : broken + 1);
      const names = (kind: 'starts' | 'stops', of: readonly Shape[]) =>
        of.flatMap((part, index) => (part[kind] === 'not at all' ? [] : [`part ${index}`]));
      expect(steps).toEqual(names('starts', begun).map((name) => `start ${name}`));
      steps.length = 0;
      await Promise.all([lifeCycle.stop(), lifeCycle.stop()]);
      const stops = names('stops', parts).toReversed();
      expect(steps).toEqual(stops.map((name) => `stop ${name}`));
      expect(failed).toEqual(
        stops.filter((name) => parts[Number(name.slice(5))]?.stops === 'fails'),
      );
    }),
  );
});

it('starts nothing more once it was stopped', async () => {
  const { lifeCycle, steps } = record([
    { starts: 'well', stops: 'well' },
    { starts: 'well', stops: 'well' },
  ]);
  const started = lifeCycle.start();
  await lifeCycle.stop();
  await started;
  expect(steps).not.toContain('start part 1');
});
