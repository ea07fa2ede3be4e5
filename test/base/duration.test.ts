import fc from 'fast-check';
import { expect, test } from 'vitest';
import { duration, longestDurationText, parseDuration } from '../../base/duration.js';
import publicSchema from '../config/cases/public-twin-schema.json' with { type: 'json' };

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

test.each([
  ['PT7M', 7 * 60 * second],
  ['PT13H', 13 * hour],
  ['P1W', 7 * day],
  ['P1Y2M3W4DT5H6M7S', (365 + 60 + 21 + 4) * day + 5 * hour + 367 * second],
  ['PT0.25S', 250],
  ['PT0,25S', 250],
  ['P0.5D', day / 2],
  ['PT1.5H', 1.5 * hour],
  ['PT0S', 0],
  ['PT720H', 720 * hour],
  ['PT0.0001S', 0],
])('%s is %i ms and keeps its text', (text, ms) => {
  expect(parseDuration(text)).toEqual({ text, ms });
});

test.each([
  '',
  'P',
  'PT',
  'P1',
  'T1H',
  '1H',
  'PT1',
  'P1H',
  'PT1D',
  '-PT1H',
  'PT-1H',
  '+PT1H',
  'pt1h',
  ' PT1H',
  'PT1H ',
  'PT1H\n',
  'PT1.5H1M',
  'P1.5DT1H',
  'PT.5S',
  'PT1.S',
  'PT1e3S',
  'PT1M1H',
  'P1YT',
  '00:05:00',
  'PT١S',
])('%j is not a duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('a text of endless digits is refused rather than made infinite', () => {
  expect(parseDuration(`PT${'9'.repeat(longestDurationText)}S`)).toBeUndefined();
  expect(parseDuration(`P${'9'.repeat(longestDurationText - 2)}Y`)?.ms).toBeLessThan(Infinity);
});

const count = fc.nat(9999);
const components = fc.record({
  Y: count,
  M: count,
  W: count,
  D: count,
  h: count,
  m: count,
  s: count,
});

test('the sum of the components is the duration', () => {
  fc.assert(
    fc.property(components, ({ Y, M, W, D, h, m, s }) => {
      const days = 365 * Y + 30 * M + 7 * W + D;
      const text = `P${Y}Y${M}M${W}W${D}DT${h}H${m}M${s}S`;
      expect(parseDuration(text)).toEqual({
        text,
        ms: days * day + h * hour + (60 * m + s) * second,
      });
    }),
  );
});

test('milliseconds written as seconds come back', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 40), (ms) => {
      const text = `PT${Math.floor(ms / 1000)}.${String(ms % 1000).padStart(3, '0')}S`;
      expect(parseDuration(text)?.ms).toBe(ms);
    }),
  );
});

test('what the public twin schema accepts is accepted, and nothing else but the comma', () => {
  const accepts = new RegExp(publicSchema.durationPattern);
  const piece = fc.constantFrom(
    'P',
    'T',
    '1',
    '2.5',
    '0',
    '10',
    'Y',
    'M',
    'W',
    'D',
    'H',
    'M',
    'S',
    '.',
    '-',
    ' ',
  );
  const likely = fc
    .tuple(
      fc.array(fc.constantFrom('1Y', '2M', '3W', '4D', '0.5D', '1.5M'), { maxLength: 4 }),
      fc.array(fc.constantFrom('1H', '2M', '3S', '0.5S', '1.5H', '7'), { maxLength: 3 }),
    )
    .map(([date, time]) => `P${date.join('')}${time.length > 0 ? 'T' : ''}${time.join('')}`);
  const unlikely = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.oneof(likely, unlikely), (text) => {
      expect(parseDuration(text) !== undefined).toBe(accepts.test(text));
    }),
    { numRuns: 3000 },
  );
});

test('a wrong duration in the program itself is found at once', () => {
  expect(() => duration('7 minutes')).toThrow('7 minutes is not an ISO-8601 duration');
});
