import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../base/json.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { withOwnersSay } from '../../config/owners-say.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { type EventName, eventNames } from '../../contract/events.js';

const twin = (values: Record<string, string>): JsonObject => ({
  [configurationObjectName]: Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, { value }]),
  ),
});
const evaluate = (desired: JsonObject, disabled: readonly EventName[]) =>
  withOwnersSay(evaluateTwin(desired, undefined), disabled);

describe('events that the owner has switched off', () => {
  it('are off and reported so, and where the twin asks otherwise that is a conflict', () => {
    const desired = twin({ eventPriorityLogin: 'High', eventPriorityProcessCreate: 'Off' });
    const { problems, reported, settings } = evaluate(desired, [
      'Login',
      'ProcessCreate',
      'LocalUsers',
    ]);
    for (const name of ['Login', 'ProcessCreate', 'LocalUsers'] as const) {
      expect(settings[`eventPriority${name}`]).toBe('Off');
      expect(reported[`eventPriority${name}`]).toEqual({ value: 'Off' });
    }
    expect(problems).toEqual([
      {
        key: 'eventPriorityLogin',
        errorType: 'Conflict',
        reason:
          'eventPriorityLogin is High, but the owner of the device has switched these events off (disabledEvents in its local file).',
        used: 'Off',
      },
    ]);
  });

  it('are a conflict also where the twin asks for them in another way', () => {
    const keys = (desired: JsonObject, name: EventName) =>
      evaluate(desired, [name]).problems.map(({ key }) => key);
    const inherited = twin({ eventPriorityOperational: 'High' });
    expect(keys(inherited, 'MessageStatistics')).toEqual(['eventPriorityMessageStatistics']);
    expect(keys({ Login_MessageFrequency: 'High' }, 'Login')).toEqual(['eventPriorityLogin']);
    expect(keys({ Login_MessageFrequency: 'High' }, 'ConnectionCreate')).toEqual([]);
  });

  it('are off whatever the twin says, and nothing else changes', () => {
    const values = fc.dictionary(
      fc.constantFrom(...eventNames.map((name) => `eventPriority${name}`)),
      fc.constantFrom('High', 'Low', 'Off', 'nonsense'),
    );
    fc.assert(
      fc.property(values, fc.subarray([...eventNames]), (written, disabled) => {
        const before = evaluateTwin(twin(written), undefined);
        const after = withOwnersSay(before, disabled);
        for (const name of eventNames) {
          const key = `eventPriority${name}` as const;
          const wanted = disabled.includes(name) ? 'Off' : before.settings[key];
          expect(after.settings[key]).toBe(wanted);
          expect(after.reported[key]).toEqual({ value: wanted });
        }
        const others = ({ key }: { key: string }) =>
          !disabled.some((name) => key === `eventPriority${name}`);
        expect(after.problems.filter(others)).toEqual(before.problems.filter(others));
      }),
    );
  });
});
