import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedMap } from '../../base/bounded-map.js';

type Step =
  | { readonly do: 'set'; readonly key: string; readonly value: number }
  | { readonly do: 'delete'; readonly key: string }
  | { readonly do: 'forget'; readonly below: number };

const keys = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const values = fc.integer({ min: 0, max: 9 });
const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('set' as const), key: keys, value: values }),
    fc.record({ do: fc.constant('delete' as const), key: keys }),
    fc.record({ do: fc.constant('forget' as const), below: values }),
  ),
);

/** What the map has to hold: a list that is rewritten with each step. */
function after(entries: readonly (readonly [string, number])[], most: number, step: Step) {
  switch (step.do) {
    case 'set': {
      const others = entries.filter(([key]) => key !== step.key);
      const all = [...others, [step.key, step.value] as const];
      return all.slice(Math.max(0, all.length - most));
    }
    case 'delete':
      return entries.filter(([key]) => key !== step.key);
    case 'forget': {
      const first = entries.findIndex(([, value]) => value >= step.below);
      return first === -1 ? [] : entries.slice(first);
    }
  }
}

describe('a bounded map', () => {
  it('holds the entries that were set last, the oldest first', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4 }), steps, (most, taken) => {
        const map = new BoundedMap<string, number>(most);
        let expected: readonly (readonly [string, number])[] = [];
        for (const step of taken) {
          if (step.do === 'set') map.set(step.key, step.value);
          else if (step.do === 'delete')
            expect(map.delete(step.key)).toBe(expected.some(([key]) => key === step.key));
          else map.forgetWhile((value) => value < step.below);
          expected = after(expected, most, step);
          expect([...map]).toEqual(expected);
          expect(map.size).toBe(expected.length);
        }
        for (const key of ['a', 'b', 'c', 'd', 'e']) {
          const value = expected.find(([name]) => name === key)?.[1];
          expect(map.get(key)).toBe(value);
          expect(map.has(key)).toBe(value !== undefined);
        }
      }),
    );
  });

  it('makes what is set again the youngest', () => {
    const map = new BoundedMap<string, number>(2);
    map.set('a', 1);
    map.set('b', 2);
    map.set('a', 3);
    map.set('c', 4);
    expect([...map]).toEqual([
      ['a', 3],
      ['c', 4],
    ]);
  });

  it('tells of what had to make room, and of nothing else that goes', () => {
    const evicted: string[] = [];
    const map = new BoundedMap<string, number>(2, (value, key) => {
      expect(map.has(key)).toBe(false);
      evicted.push(`${key} ${value}`);
    });
    for (const [index, key] of ['a', 'b', 'a', 'c', 'd'].entries()) map.set(key, index);
    map.delete('c');
    map.forgetWhile(() => true);
    expect(evicted).toEqual(['b 1', 'a 2']);
  });
});
