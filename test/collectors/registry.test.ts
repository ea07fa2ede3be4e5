import { expect, it } from 'vitest';
import { collectors } from '../../collectors/registry.js';
import { eventDeclarations, eventNames } from '../../contract/events.js';

it('every event about the device has a collector, so that each of its settings has an effect', () => {
  const about = eventNames.filter((name) => eventDeclarations[name].type === 'Security');
  expect(collectors.map(({ name }) => name).sort()).toEqual([...about].sort());
});
