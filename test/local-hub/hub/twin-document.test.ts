import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../base/json.js';
import {
  checkContent,
  mergePatch,
  patchSection,
  replacementNotice,
  sectionSizeBytes,
} from '../../../local-hub/hub/twin-document.js';

/** Few keys, so that documents and patches meet; `__proto__` among them. */
const key = fc.constantFrom('a', 'b', 'c', '__proto__');
const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constant(null),
    fc.integer(),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
}));
const patches = fc.dictionary(key, anyValue, { maxKeys: 4, noNullPrototype: true });
/** What a section can be: no null as a property, which would have deleted it. */
const sections = patches.map((patch) => patchSection({}, patch));

describe('a merge patch', () => {
  it('deletes on null, merges objects and replaces arrays', () => {
    const section = { keep: 1, gone: 2, nested: { x: 1, y: 2 }, list: [1, 2, 3] };
    const patch = { gone: null, nested: { x: null, z: 3 }, list: [9], fresh: { a: null, b: 1 } };
    expect(mergePatch(section, patch)).toEqual({
      keep: 1,
      nested: { y: 2, z: 3 },
      list: [9],
      fresh: { b: 1 },
    });
  });

  it('given twice changes nothing the second time', () => {
    fc.assert(
      fc.property(sections, patches, (section, patch) => {
        const once = patchSection(section, patch);
        expect(patchSection(once, patch)).toStrictEqual(once);
      }),
    );
  });

  it('touches no key that it does not name, and leaves its inputs alone', () => {
    fc.assert(
      fc.property(sections, patches, (section, patch) => {
        const before = JSON.stringify([section, patch]);
        const after = patchSection(section, patch);
        expect(JSON.stringify([section, patch])).toBe(before);
        for (const name of Object.keys(section)) {
          if (!Object.hasOwn(patch, name)) expect(after[name]).toStrictEqual(section[name]);
        }
        for (const [name, value] of Object.entries(patch)) {
          expect(Object.hasOwn(after, name)).toBe(value !== null);
        }
      }),
    );
  });

  it('with the key __proto__ changes no prototype', () => {
    const patch = JSON.parse('{"__proto__":{"polluted":1}}') as JsonObject;
    const after = patchSection({}, patch);
    expect(Object.getPrototypeOf(after)).toBe(Object.prototype);
    expect(JSON.stringify(after)).toBe('{"__proto__":{"polluted":1}}');
  });
});

describe('the notice of a replacement', () => {
  it('applied as a patch to the old document gives the new one', () => {
    fc.assert(
      fc.property(sections, sections, (before, after) => {
        const notice = replacementNotice(before, after);
        expect(patchSection(before, notice)).toStrictEqual(after);
      }),
    );
  });
});

describe('the limits', () => {
  it('count keys and strings in UTF-8 without control characters, 8 a number, 4 a boolean', () => {
    expect(sectionSizeBytes({ ä: 'x\n', n: 1, b: true, o: { p: [1, 'yy'] } })).toBe(
      2 + 1 + (1 + 8) + (1 + 4) + (1 + 1 + 8 + 2),
    );
  });

  it('take what is exactly allowed', () => {
    const document = {
      ['k'.repeat(1024)]: 'x'.repeat(4096),
      largest: 2 ** 52 - 1,
      smallest: -(2 ** 52),
      'ms_iotn:urn_azureiot_Security_SecurityAgentConfiguration': { value: 1.5 },
    };
    expect(() => checkContent(document, 'reported')).not.toThrow();
  });

  it.each([
    ['a key over 1 KB', { ['k'.repeat(1025)]: 1 }],
    ['a blank in a key', { 'a b': 1 }],
    ['a control character in a key', { 'a\u0085b': 1 }],
    ['a $ in a key within an array', { a: [{ $b: 1 }] }],
    ['an integer under -2^52', { a: -(2 ** 52) - 1 }],
  ])('refuse %s', (_name, document) => {
    expect(() => checkContent(document, 'reported')).toThrow(
      expect.objectContaining({ status: 400, errorCode: 400004 }),
    );
  });
});
