import { describe, expect, it } from 'vitest';
import { isTrue, reasonsOf, ruleOf } from '../support/sigma.js';

const detections = `
sel_a: {A: 1}
sel_b: {B: 1}
filter_x: {X: 1}
_own: {O: 1}
or: {Z: 1}`;
const condition = (text: string): string => `${detections}\ncondition: ${text}`;
const fieldsOf = (names: string): Record<string, number> =>
  Object.fromEntries(Array.from(names).map((name) => [name, 1]));

describe('a condition', () => {
  it.each([
    ['sel_a and sel_b', 'AB', true],
    ['sel_a and sel_b', 'A', false],
    ['sel_a or sel_b', 'B', true],
    ['sel_a or sel_b and filter_x', 'A', true],
    ['(sel_a or sel_b) and filter_x', 'A', false],
    ['not sel_a or sel_b', 'B', true],
    ['not (sel_a or sel_b)', 'B', false],
    ['not not sel_a', 'A', true],
    ['NOT sel_b AND sel_a', 'A', true],
    ['1 of sel_*', 'B', true],
    ['1 of sel_*', 'X', false],
    ['any of sel_*', 'B', true],
    ['all of sel_*', 'AB', true],
    ['all of sel_*', 'A', false],
    ['all of *_*', 'ABX', true],
    ['1 of *_x', 'X', true],
    ['1 of s*_b', 'A', false],
    ['2 of them', 'AX', true],
    ['2 of them', 'A', false],
    ['3 of them', 'ABX', true],
    ['1 of them', 'O', false],
    ['1 of them', 'Z', true],
    ['1 of _*', 'O', true],
    ['1 of sel_* and not 1 of filter_*', 'AX', false],
    ['1 of sel_* and not 1 of filter_*', 'A', true],
    ['[sel_a, sel_b]', 'B', true],
    ['((((sel_a))))', 'A', true],
  ])('%s with %s is %s', (text, names, is) => {
    expect(isTrue(condition(text), fieldsOf(names))).toBe(is);
  });

  it.each([
    ['sel_a | count() > 5', /a document with correlation:/],
    ['sel_a | near sel_b', /a document with correlation:/],
    ['sel_a near sel_b', /type: temporal/],
    ['sel_c', /Define "sel_c"/],
    ['1 of nothing*', /no detection has such a name/],
    ['9 of them', /4 have such a name/],
    ['0 of them', /have such a name/],
    ['sel_a and', /Complete the condition/],
    ['sel_a sel_b', /before "sel_b"/],
    ['(sel_a', /Complete the condition|Close the parenthesis/],
    ['and sel_a', /Put a detection before "and"/],
    [`${'('.repeat(40)}sel_a${')'.repeat(40)}`, /Nest the condition at most 16 deep/],
    ['{a: b}', /Make the condition a text/],
    ["''", /Complete the condition/],
  ])('%s is refused with its reason', (text, reason) => {
    expect(reasonsOf(ruleOf(condition(text)))[0]).toMatch(reason);
  });

  it('is there, and old time frames are sent to correlations', () => {
    expect(reasonsOf(ruleOf('a: {A: 1}'))[0]).toMatch(/Add a condition/);
    expect(reasonsOf(ruleOf('a: {A: 1}\ntimeframe: 5m\ncondition: a'))[0]).toMatch(
      /^8: Replace timeframe by a document with correlation/,
    );
  });

  it('takes lists of maps as alternatives, and of maps and keywords too', () => {
    const lists = 'l: [{A: 1, B: 1}, {X: 1}]\ncondition: l';
    expect(isTrue(lists, { A: 1 })).toBe(false);
    expect(isTrue(lists, { A: 1, B: 1 })).toBe(true);
    expect(isTrue(lists, { X: 1 })).toBe(true);
    const mixed = 'l: [evil, {X: 1}]\ncondition: l';
    expect(isTrue(mixed, { F: 'evil' })).toBe(true);
    expect(isTrue(mixed, { X: 1 })).toBe(true);
  });
});
