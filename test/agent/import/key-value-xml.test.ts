import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseKeyValueXml } from '../../../agent/import/formats/key-value-xml.js';
import { readNetDuration } from '../../../agent/import/formats/net-duration.js';

describe('the XML of the C# agent', () => {
  it('is read as it is shipped, with its comments', () => {
    const text = `\uFEFF<?xml version="1.0" encoding="utf-8"?>
<Authentication>
  <add key="deviceId" value="device-1"/>
  <add key="type" value='SymmetricKey' />          <!-- SymmetricKey, SelfSignedCertificate-->
  <add value="a &amp; b &lt;&quot;" key = "filePath"/>
</Authentication>
`;
    expect(parseKeyValueXml(text)).toEqual({
      root: 'Authentication',
      entries: [
        { key: 'deviceId', value: 'device-1' },
        { key: 'type', value: 'SymmetricKey' },
        { key: 'filePath', value: 'a & b <"' },
      ],
    });
    expect(parseKeyValueXml('<General/>')).toEqual({ root: 'General', entries: [] });
  });

  it.each([
    ['a DOCTYPE', '<!DOCTYPE a [<!ENTITY b "c">]><General></General>'],
    ['an entity of its own', '<General><add key="a" value="&b;"/></General>'],
    ['a character reference', '<General><add key="a" value="&#65;"/></General>'],
    ['a nested element', '<General><other><add key="a" value="b"/></other></General>'],
    ['text', '<General>text</General>'],
    ['another attribute', '<General><add key="a" value="b" other="c"/></General>'],
    ['an attribute twice', '<General><add key="a" value="b" key="c"/></General>'],
    ['no value', '<General><add key="a"/></General>'],
    ['a key twice', '<General>\n<add key="a" value="b"/>\n<add key="A" value="c"/></General>'],
    ['no end', '<General><add key="a" value="b"/>'],
    ['the end of another', '<General></Other>'],
    ['something behind the end', '<General></General><General></General>'],
    ['a comment without an end', '<General><!-- </General>'],
    ['a processing instruction', '<?xml version="1.0"?><?other ?><General></General>'],
    ['far too many keys', `<General>${manyKeys(129)}</General>`],
    [
      'a value that is far too long',
      `<General><add key="a" value="${'x'.repeat(5000)}"/></General>`,
    ],
  ])('is refused with %s', (_, text) => {
    expect(parseKeyValueXml(text)).toHaveProperty('fault');
  });

  it('says in which line it is wrong', () => {
    expect(parseKeyValueXml('<General>\n<add key="a" value="b"/>\n<remove/></General>')).toEqual({
      fault:
        'is not a list of <add key="…" value="…"/>: line 3 has something else than <add key="…" value="…"/>',
    });
  });

  it('is read or refused whatever it is, and what is written is read back', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      '"',
      "'",
      'add',
      'key',
      '=',
      ' ',
      '<!--',
      '-->',
      '&amp;',
      '\n',
      'a',
    );
    fc.assert(fc.property(fc.array(piece), (pieces) => void parseKeyValueXml(pieces.join(''))));
    const escape = (text: string): string =>
      text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (value) => {
        const text = `<A><add key="k" value="${escape(value)}"/></A>`;
        expect(parseKeyValueXml(text)).toEqual({ root: 'A', entries: [{ key: 'k', value }] });
      }),
    );
  });
});

function manyKeys(count: number): string {
  return Array.from({ length: count }, (_, index) => `<add key="k${index}" value=""/>`).join('');
}

describe('a span of time of .NET', () => {
  it.each([
    ['00:00:30', 'PT30S'],
    ['00:02', 'PT120S'],
    ['1.02:03:04', 'PT93784S'],
    ['00:00:00.2500000', 'PT0.25S'],
  ])('%s is %s', (text, iso) => expect(readNetDuration(text)).toBe(iso));

  it.each(['', '30', '-00:00:01', '00:60:00', '24:00:00', 'PT30S', '00:00:30 s'])(
    '%j is none',
    (text) => expect(readNetDuration(text)).toBeUndefined(),
  );
});
