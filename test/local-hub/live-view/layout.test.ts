import { describe, expect, it } from 'vitest';
import { brief } from '../../../contract/sentences.js';
import { cutToWidth, layOut, widthOf } from '../../../local-hub/live-view/layout.js';

const time = new Date(2030, 0, 1, 12, 30, 59);

describe('a line of the live view', () => {
  it('escapes what moves a cursor or turns a line, and cuts what is long', () => {
    expect(brief('a\r\n\u009b\u202eb')).toBe('a\\u{d}\\u{a}\\u{9b}\\u{202e}b');
    expect(brief('x'.repeat(500))).toBe(`${'x'.repeat(199)}…`);
  });

  it('counts columns as a terminal does', () => {
    expect(widthOf('abc')).toBe(3);
    expect(widthOf('日本語')).toBe(6);
    expect(widthOf('e\u0301')).toBe(1);
    expect(widthOf('😀é→×')).toBe(5);
  });

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['日本語', 5, '日本…'],
    ['日本語', 4, '日…'],
    ['😀😀', 3, '😀…'],
    ['abc', 1, '…'],
    ['abc', 0, ''],
  ])('cuts %j to %d columns: %j', (text, columns, cut) => {
    expect(cutToWidth(text, columns)).toBe(cut);
  });

  it('is never wider than the terminal, however narrow that is', () => {
    const aside = ['y'.repeat(50), '日本語'];
    for (const wrap of [false, true]) {
      const line = { time, subject: 'ProcessCreate', text: `${'日 '.repeat(60)}end`, aside, wrap };
      for (let columns = 1; columns < 200; columns++) {
        for (const laid of layOut(line, columns))
          expect(widthOf(laid)).toBeLessThanOrEqual(columns);
      }
    }
  });

  it('goes on in further lines where the sentence must be read whole', () => {
    const text = 'ProcessCreate running from polling. No audit, and no proc connector either';
    expect(layOut({ time, subject: '  collector', text, wrap: true }, 60)).toEqual([
      '12:30:59    collector      ProcessCreate running from',
      '                           polling. No audit, and no proc',
      '                           connector either',
    ]);
    expect(layOut({ time, subject: '  collector', text, wrap: true }, undefined)).toHaveLength(1);
  });

  it('says so when its time is none', () => {
    expect(layOut({ time: new Date(NaN), subject: 'x', text: 'y' }, undefined)).toEqual([
      '??:??:??  x                y',
    ]);
  });
});
