import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageSizeBytes, parsePropertyBag } from '../../../local-hub/hub/property-bag.js';
import { anyCharacter } from '../../support/texts.js';

describe('a property bag', () => {
  it('tells system properties whose $ is percent-encoded from application properties', () => {
    const bag =
      '%24.mid=id%201%2F2&$.cid=c%261&%24.ifid=urn%3Aazureiot%3ASecurity%3ASecurityAgent%3A1' +
      "&key%20one=v%3D1%262&ex!'()*=plus%2B~";
    expect(parsePropertyBag(bag)).toEqual({
      system: {
        '$.mid': 'id 1/2',
        '$.cid': 'c&1',
        '$.ifid': 'urn:azureiot:Security:SecurityAgent:1',
      },
      application: { 'key one': 'v=1&2', "ex!'()*": 'plus+~' },
    });
  });

  it('knows a name without a value from one with an empty value', () => {
    expect(parsePropertyBag('none&empty=/')?.application).toEqual({ none: null, empty: '' });
  });

  it('may be empty', () => {
    expect(parsePropertyBag('')).toEqual({ system: {}, application: {} });
  });

  it('that is not percent-encoded is refused', () => {
    expect(parsePropertyBag('a=%')).toBeUndefined();
  });

  it('gives back whatever was encoded into it', () => {
    const text = fc.string({ unit: anyCharacter, minLength: 1 }).filter((s) => !s.startsWith('$.'));
    fc.assert(
      fc.property(fc.dictionary(text, fc.string({ unit: anyCharacter })), (properties) => {
        const bag = Object.entries(properties)
          .map((pair) => pair.map(encodeURIComponent).join('='))
          .join('&');
        expect(Object.entries(parsePropertyBag(bag)?.application ?? {}).sort()).toEqual(
          Object.entries(properties).sort(),
        );
      }),
    );
  });
});

it('the size of a message counts the values of system properties but not their names', () => {
  const properties = { system: { '$.ct': 'abc' }, application: { ä: 'b', none: null } };
  expect(messageSizeBytes(10, properties)).toBe(10 + 3 + 3 + 4);
});
