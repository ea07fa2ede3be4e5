import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { lossCauses } from '../../base/loss.js';
import { generatedFiles } from '../../collectors/generate.js';
import { aggregateDetails, commonDetails } from '../../contract/common-details.js';
import { eventDeclarations } from '../../contract/events.js';

test.each(Object.entries(generatedFiles()))(
  '%s is what the declarations say (else run: npm run generate)',
  (path, text) => {
    expect(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')).toBe(text);
  },
);

test('every event, field, detail and loss is in the reference, with one sentence', () => {
  const page = generatedFiles()['contract/reference.generated.md'];
  const declared: [string, string][] = [
    ...Object.entries({ ...aggregateDetails, ...commonDetails, ...lossCauses }),
    ...Object.values(eventDeclarations).flatMap(({ fields, details, caveats }) => [
      ...Object.entries(fields).map(([key, { meaning }]): [string, string] => [key, meaning]),
      ...Object.entries({ ...details, ...caveats }),
    ]),
  ];
  for (const [key, meaning] of declared) {
    expect(page).toContain(`| \`${key}\` |`);
    expect(page).toContain(`${meaning} |`);
    expect(meaning).toMatch(/\.$/);
  }
});
