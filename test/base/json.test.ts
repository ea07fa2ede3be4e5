import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonError, parseJson } from '../../base/json.js';
import { anyCharacter } from '../support/texts.js';

function errorOf(text: string, limits?: { maxLength: number; maxDepth: number }): JsonError {
  try {
    parseJson(text, limits);
  } catch (error) {
    if (error instanceof JsonError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

test('any JSON text is read as JSON.parse reads it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: anyCharacter }), fc.nat(3), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      fc.pre(!text.includes('__proto__'));
      expect(parseJson(text)).toEqual(JSON.parse(text));
    }),
  );
});

test('a text is accepted only where JSON.parse accepts it', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"',
    '1',
    '-',
    '01',
    '.5',
    '1e-3',
    'true',
    'nul',
    ' ',
    '\n',
    '\\',
    '\u0001',
    '"\\u12"',
    'null',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 8 }), (parts) => {
      const text = parts.join('');
      let reference: unknown;
      try {
        reference = JSON.parse(text);
      } catch {
        errorOf(text);
        return;
      }
      expect(parseJson(text)).toEqual(reference);
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ['{"a": 1,\n  "b": tru}', 2, 8, 'a value is expected, not "t"'],
  ['{"a": 1,}', 1, 9, 'a key is expected, not "}"'],
  ['[1 2]', 1, 4, '"," or "]" is expected, not "2"'],
  ['{"a" 1}', 1, 6, '":" is expected, not "1"'],
  ['{"a": 1', 1, 8, '"," or "}" is expected, not the end of the text'],
  ['', 1, 1, 'a value is expected, not the end of the text'],
  ['1 x', 1, 3, 'unexpected "x" after the end'],
  ['{\n// why\n}', 2, 1, 'a key is expected, not "/"'],
  ['{"a":1,"a":2}', 1, 8, 'the key "a" stands twice in the same object'],
  ['[1e999]', 1, 7, 'the number is too large'],
])('%j is refused at line %i, column %i', (text, line, column, fault) => {
  expect(errorOf(text)).toMatchObject({ line, column, fault });
});

test('nesting beyond the limit is an error, not a stack overflow', () => {
  expect(errorOf('['.repeat(500_000)).fault).toBe('nested more than 32 levels deep');
  expect(parseJson('[[[]]]', { maxLength: 100, maxDepth: 3 })).toEqual([[[]]]);
  expect(errorOf('[[[]]]', { maxLength: 100, maxDepth: 2 }).column).toBe(3);
});

test('a text beyond the limit is refused unread', () => {
  expect(errorOf('"1234"', { maxLength: 5, maxDepth: 3 }).fault).toContain('longer than 5');
});

test('__proto__ is dropped, however it is written', () => {
  for (const key of ['__proto__', '\\u005f_proto__']) {
    const value = parseJson(`{"${key}": {"polluted": 1}, "kept": 2}`);
    expect(Object.keys(value as object)).toEqual(['kept']);
    expect((value as Record<string, unknown>)['polluted']).toBeUndefined();
  }
});
