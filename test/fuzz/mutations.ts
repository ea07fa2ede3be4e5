import fc from 'fast-check';

/** What has broken parsers before, as bytes. */
const tokens: readonly Buffer[] = [
  Buffer.from([0]),
  Buffer.from([0xff, 0xfe, 0xc0, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.alloc(8, 0xff),
  Buffer.from([0xff, 0x4a, 0x52, 0xf8]),
  ...[
    '\n',
    '\r\n<3>forged: ',
    '\u001b[2J',
    '\u202e',
    '\u2028',
    '"',
    '\\',
    '__proto__',
    '"__proto__":{"x":1},',
    'constructor',
    '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
    '{"a":{"a":{"a":{"a":{"a":{"a":{"a":',
    '-1',
    '18446744073709551616',
    '1e999',
    'NaN',
    'null',
    '%00%ff',
    '%',
    ' ',
    ':',
    '=',
    'a'.repeat(70_000),
    '['.repeat(5000),
  ].map((text) => Buffer.from(text)),
];

interface Mutation {
  readonly kind: number;
  readonly place: number;
  readonly size: number;
  readonly token: number;
  readonly byte: number;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  kind: fc.nat(6),
  place: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  size: fc.nat(64),
  token: fc.nat(tokens.length - 1),
  byte: fc.nat(255),
});

function mutate(bytes: Buffer, { kind, place, size, token, byte }: Mutation): Buffer {
  const at = Math.floor(place * (bytes.length + 1));
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (kind) {
    case 0: {
      const flipped = Buffer.from(bytes);
      if (at < flipped.length) flipped[at] = (flipped[at] ?? 0) ^ (1 << (byte & 7));
      return flipped;
    }
    case 1:
      return Buffer.concat([before, Buffer.from([byte]), after.subarray(1)]);
    case 2:
      return Buffer.concat([before, after.subarray(size)]);
    case 3:
      return Buffer.concat([before, after.subarray(0, size), after]);
    case 4:
      return Buffer.concat([before, tokens[token] ?? before, after]);
    case 5:
      return Buffer.concat([before, tokens[token] ?? before, after.subarray(size)]);
    default:
      return before;
  }
}

/** Inputs near to what a target meets in life: one of its seeds, changed in a few places. */
export function mutationsOf(seeds: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...seeds), fc.array(mutation, { maxLength: 8 }))
    .map(([seed, mutations]) => mutations.reduce(mutate, seed));
}
