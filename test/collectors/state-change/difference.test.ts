import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Difference,
  differencesBetween,
  folded,
  mostTold,
} from '../../../collectors/state-change/difference.js';
import { parseRemembered, storedForm } from '../../../collectors/state-change/remembered.js';
import { parseJson, type JsonObject } from '../../../base/json.js';

/** Few names and texts, so that two looks share some; names that are special to objects among them. */
const items = fc
  .array(
    fc.tuple(
      fc.constantFrom<string>('a', 'b', 'c', '__proto__', 'constructor', '', 'é'),
      fc.string({ maxLength: 2 }),
    ),
  )
  .map((pairs) => new Map(pairs));

function applied(before: ReadonlyMap<string, string>, differences: readonly Difference[]) {
  const after = new Map(before);
  for (const { item, after: text } of differences) {
    if (text === undefined) after.delete(item);
    else after.set(item, text);
  }
  return after;
}
const sorted = (map: ReadonlyMap<string, string>) => [...map].sort();

describe('The differences between two looks', () => {
  it('lead from the first to the second, with what was before, each item once', () => {
    fc.assert(
      fc.property(items, items, (before, after) => {
        const differences = differencesBetween(before, after);
        expect(sorted(applied(before, differences))).toEqual(sorted(after));
        expect(new Set(differences.map(({ item }) => item)).size).toBe(differences.length);
        for (const { item, before: text, after: now } of differences) {
          expect(text).toBe(before.get(item));
          expect(now).not.toBe(text);
        }
      }),
    );
  });

  it('are told up to a number, and those beyond it are counted', () => {
    fc.assert(
      fc.property(fc.nat({ max: 3 * mostTold }), (count) => {
        const after = new Map(Array.from({ length: count }, (_, index) => [`item ${index}`, 'x']));
        const { told, more } = folded(differencesBetween(new Map(), after));
        expect(told.length + more).toBe(count);
        expect(told.length).toBeLessThanOrEqual(mostTold);
        expect(more === 0 || told.length === mostTold).toBe(true);
      }),
    );
  });
});

describe('What is remembered of a look', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(items, fc.nat(), (found, lookedMs) => {
        const text = JSON.stringify(storedForm({ items: found, lookedMs, key: 'ab'.repeat(32) }));
        const read = parseRemembered(parseJson(text) as JsonObject);
        expect(read).toEqual({ items: found, lookedMs, key: 'ab'.repeat(32) });
      }),
    );
  });

  it.each([
    undefined,
    {},
    { lookedMs: 1 },
    { lookedMs: '1', items: [] },
    { lookedMs: 1, items: {} },
    { lookedMs: 1, items: ['a'] },
    { lookedMs: 1, items: ['a', 1] },
    { lookedMs: 1, items: [], key: 'short' },
  ])('is nothing where the file holds something else: %j', (stored) => {
    expect(parseRemembered(stored)).toBeUndefined();
  });
});
