import { afterEach, describe, expect, it } from 'vitest';

import { localText, utcText } from '../../base/timestamps.js';

describe('timestamps', () => {
  const zone = process.env['TZ'];
  afterEach(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });

  it('UTC text has milliseconds and Z', () => {
    expect(utcText(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02T03:04:05.678Z');
  });

  it.each([
    ['UTC', Date.UTC(2026, 6, 1), '2026-07-01T00:00:00.000+00:00'],
    ['Europe/Berlin', Date.UTC(2026, 6, 1), '2026-07-01T02:00:00.000+02:00'],
    ['Europe/Berlin', Date.UTC(2026, 0, 1), '2026-01-01T01:00:00.000+01:00'],
    ['America/St_Johns', Date.UTC(2026, 0, 1, 12), '2026-01-01T08:30:00.000-03:30'],
    ['Asia/Kathmandu', Date.UTC(2026, 0, 1), '2026-01-01T05:45:00.000+05:45'],
  ])('local text in %s carries the real offset of the moment', (timeZone, wallMs, expected) => {
    process.env['TZ'] = timeZone;
    expect(localText(wallMs)).toBe(expected);
    expect(Date.parse(localText(wallMs))).toBe(wallMs);
  });

  it.each([NaN, -1, Infinity, 1e18])(
    'a nonsensical clock (%s) still gives an RFC 3339 text',
    (ms) => {
      const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)$/;
      expect(utcText(ms)).toMatch(form);
      expect(localText(ms)).toMatch(form);
    },
  );
});
