import { expect, it } from 'vitest';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { Settings } from '../../config/settings.js';
import { configurationObjectName } from '../../config/twin-settings.js';

const evaluate = (snapshotFrequency: unknown) =>
  evaluateTwin(
    { [configurationObjectName]: { snapshotFrequency: { value: snapshotFrequency as string } } },
    undefined,
  );

it('every listener sees what was in force and what is, in the order in which they began to listen', () => {
  const settings = new Settings(evaluateTwin({}, undefined));
  const seen: string[] = [];
  const listen = (name: string) =>
    settings.onChange((before, after) =>
      seen.push(`${name} ${before.snapshotFrequency.text} ${after.snapshotFrequency.text}`),
    );
  const end = listen('first');
  listen('second');
  settings.onChange(() => seen.push(settings.current.snapshotFrequency.text));
  expect(settings.desiredVersion).toBe(0);
  settings.replace(evaluate('PT1H'), 4);
  expect(seen).toEqual(['first PT13H PT1H', 'second PT13H PT1H', 'PT1H']);
  end();
  seen.length = 0;
  settings.replace(evaluate(7), 5);
  expect(seen).toEqual(['second PT1H PT13H', 'PT13H']);
  expect(settings.desiredVersion).toBe(5);
  expect(settings.problems.map(({ key }) => key)).toEqual(['snapshotFrequency']);
});
