import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { EventName } from '../../contract/events.js';
import { collectors } from '../../collectors/registry.js';

/** What each collector is called in the description of the package. */
const words: Readonly<Partial<Record<EventName, string>>> = {
  ProcessCreate: 'programs',
  ProcessTerminate: 'their ends',
  ConnectionCreate: 'connections',
  Login: 'logins',
  ListeningPorts: 'listening ports',
};

it('the package says to watch what there are collectors for, and nothing else', () => {
  const control = join(import.meta.dirname, '..', '..', 'systemd', 'debian', 'control.agent');
  const description = readFileSync(control, 'utf8').replace(/\s+/g, ' ');
  const told = / - ([^-]+) - and reports /.exec(description)?.[1]?.split(/, | and /);
  expect(told?.toSorted()).toEqual(collectors.map(({ name }) => words[name] ?? name).toSorted());
});
