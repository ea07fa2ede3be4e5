import fc from 'fast-check';

/**
 * Any character of Unicode: controls, unassigned ones and those beyond the BMP too, but no half of a pair. The unit
 * `binary` of fast-check means the same; building it takes a second in each file of tests that uses it.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .oneof(
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 0x2ff }) },
    { weight: 3, arbitrary: fc.integer({ min: 0x300, max: 0xd7ff }) },
    { weight: 1, arbitrary: fc.integer({ min: 0xe000, max: 0xffff }) },
    { weight: 3, arbitrary: fc.integer({ min: 0x1_0000, max: 0x10_ffff }) },
  )
  .map((codePoint) => String.fromCodePoint(codePoint));
