import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  differencePatch,
  mergePatch,
  NestingError,
  sameJson,
} from '../../../agent/twin/merge-patch.js';
import type { JsonObject, JsonValue } from '../../../base/json.js';

const json = fc.letrec<{ value: JsonValue; object: JsonObject }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<JsonValue>(null, true, 0, 1.5, '', 'a'),
    fc.array(fc.constantFrom<JsonValue>(1, 'x', null), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), tie('value'), {
    maxKeys: 4,
    noNullPrototype: true,
  }),
})).object;

/** Without nulls and `__proto__`, as a hub holds a twin. */
const held = (object: JsonObject): JsonObject => mergePatch(undefined, object);

describe('a merge patch', () => {
  it.each<[target: JsonObject, patch: JsonObject, result: JsonObject]>([
    // RFC 7396, appendix A, where target and patch are objects.
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target, patch, result) => {
    expect(mergePatch(target, patch)).toEqual(result);
  });

  it('changes neither of its arguments', () => {
    fc.assert(
      fc.property(json, json, (target, patch) => {
        const before = JSON.stringify([target, patch]);
        mergePatch(target, patch);
        expect(JSON.stringify([target, patch])).toBe(before);
      }),
    );
  });

  it('pollutes no prototype', () => {
    const patch = JSON.parse(
      '{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}',
    ) as JsonObject;
    const merged = mergePatch({ a: {} }, patch);
    expect(merged).toEqual({ a: {} });
    expect((merged as { polluted?: unknown }).polluted).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('that nests without end is refused', () => {
    let deep: JsonObject = {};
    for (let level = 0; level < 100; level++) deep = { a: deep };
    expect(() => mergePatch({}, deep)).toThrow(NestingError);
  });
});

describe('a difference', () => {
  it('makes the wanted of the known, whatever they are', () => {
    fc.assert(
      fc.property(json, json, (known, wanted) => {
        const before = held(known);
        const after = mergePatch(before, differencePatch(before, wanted));
        expect(sameJson(after, held(wanted))).toBe(true);
      }),
    );
  });

  it('of what is the same is empty', () => {
    fc.assert(
      fc.property(json, (object) => {
        expect(differencePatch(held(object), object)).toEqual({});
      }),
    );
  });

  it('holds only what changed, and null for what ceased', () => {
    expect(
      differencePatch(
        { a: { x: 1, y: 2 }, gone: { z: 1 }, same: { s: 1 } },
        { a: { x: 1, y: 3 }, same: { s: 1 }, added: true },
      ),
    ).toEqual({ a: { y: 3 }, added: true, gone: null });
  });
});
