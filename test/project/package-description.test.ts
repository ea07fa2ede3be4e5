import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageDescription } from '../../agent/commands/package-description.js';
import { collectors } from '../../collectors/registry.js';
import { eventDeclarations } from '../../contract/events.js';

const file = join(import.meta.dirname, '..', '..', 'systemd', 'debian', 'description.generated');

it('the package says to watch what there are collectors for, and nothing else', () => {
  const description = readFileSync(file, 'utf8').replace(/\s+/g, ' ');
  const told = / - ([^-]+) - and reports /.exec(description)?.[1]?.split(/, | and /);
  const nouns = collectors.map(({ name }) => eventDeclarations[name].noun);
  expect(told?.toSorted()).toEqual(nouns.toSorted());
});

it('the description is one paragraph of a control file', () => {
  const lines = packageDescription(collectors).trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/^ \S.{0,75}$/);
});
