import fc from 'fast-check';
import { expect, test } from 'vitest';
import { quoted } from '../../base/quote.js';
import { printable } from '../../base/text.js';
import { anyCharacter } from '../support/texts.js';

test.each([
  ['a\nb\u001b[31m', 'a\\u{a}b\\u{1b}[31m'],
  ['\u202egnp.exe', '\\u{202e}gnp.exe'],
  ['a\u2028b', 'a\\u{2028}b'],
  ['\ud83d', '\\u{d83d}'],
  ['Grüße 😀', 'Grüße 😀'],
])('%j is shown as %j', (text, shown) => {
  expect(printable(text, 100)).toBe(shown);
});

test('no text comes out longer than allowed, unprintable or with half a character', () => {
  const text = fc.oneof(
    fc.string({ unit: anyCharacter }),
    fc.string({ unit: fc.constantFrom('😀', 'a') }),
  );
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 20 }), (written, maxLength) => {
      const shown = printable(written, maxLength);
      expect(shown.length).toBeLessThanOrEqual(maxLength);
      expect(shown).not.toMatch(/[\p{C}\u2028\u2029]/u);
    }),
    { numRuns: 1000 },
  );
});

test('what holds more values is named by its type alone, however large', () => {
  expect([quoted([1]), quoted({ a: 1 }), quoted(null), quoted(1.5), quoted(false)]).toEqual([
    'a list',
    'an object',
    'null',
    '1.5',
    'false',
  ]);
  expect(quoted('x'.repeat(1e6))).toBe(`"${'x'.repeat(39)}…"`);
});
