import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../base/json.js';
import { RuleEngine } from '../../detection/engine/rule-engine.js';
import type { EventValue } from '../../detection/engine/event-view.js';
import { Detector } from '../../detection/rules/detector.js';
import { buildRuleSet } from '../../detection/rules/rule-set.js';
import {
  isTrue,
  newReader,
  reasonsOf,
  ruleOf,
  selection,
  setOf,
  startOf,
} from '../support/sigma.js';

const aliases = (depth: number): string =>
  [`a0: &a0 [x, x, x, x, x, x, x, x, x]`]
    .concat(
      Array.from(
        { length: depth },
        (_, at) => `a${at + 1}: &a${at + 1} [${Array(9).fill(`*a${at}`).join(', ')}]`,
      ),
    )
    .join('\n');

describe('a file that cannot be used', () => {
  it.each([
    ['is no YAML', 'title: [', /^\d+: Correct the YAML/],
    ['is a scalar', 'word', /^1: Make the document a map/],
    ['has aliases of aliases', aliases(9), /^\d+: Split the file: it has more than 20000 nodes/],
    ['names an alias in itself', 'a: &a [*a]', /Define &/],
    ['is nested', `a: ${'['.repeat(60)}${']'.repeat(60)}`, /^1: Correct the YAML/],
    ['has a tag', 'title: !!binary aGk=', /^1: Remove the YAML tag "!!binary"/],
    ['says a key twice', 'title: a\ntitle: b', /^2: Join the two values of "title"/],
    ['is large', `# ${'x'.repeat(70_000)}`, /^-: Split the file: it has more than 65536 bytes/],
    ['has many documents', 'a: b\n---\n'.repeat(300), /Split the file|Add title/],
    ['has no title', 'id: x', /^1: Add title/],
    ['is neither rule nor correlation', 'title: x', /^1: Add detection, correlation or filter/],
    ['has no log source', 'title: x\ndetection: {s: {A: 1}, condition: s}', /Add logsource/],
    ['has another taxonomy', 'title: x\ntaxonomy: ecs', /^2: Write the rule in the taxonomy sigma/],
    ['has another level', 'title: x\nlevel: bad', /^2: Correct level: "bad" is none of/],
  ])('because it %s is refused with line and reason', (_, text, reason) => {
    expect(reasonsOf(text)[0]).toMatch(reason);
  });

  it('is refused alone, and documents of it alone', () => {
    const good = ruleOf(selection('F: x'), 'good');
    const read = newReader();
    const set = buildRuleSet([
      read({ name: 'bad.yml', text: 'title: [' }),
      read({ name: 'mixed.yml', text: `title: no\n---\n${good}` }),
      read({ name: 'again.yml', text: good }),
    ]);
    expect(set.rules.map(({ id }) => id)).toEqual(['good']);
    expect(set.refusals.map(({ file, line }) => [file, line])).toEqual([
      ['bad.yml', 1],
      ['mixed.yml', 1],
      ['again.yml', 1],
    ]);
  });
});

describe('a value that cannot be used', () => {
  it.each([
    ["F|re: '(?=a)b'", /none of RE2, which knows no look-around/],
    ["F|re: '(a)\\1'", /no back references/],
    ["F|re: '[a'", /none of RE2/],
    ["F|re: 'a{400}'", /with its repeats written out/],
    ["F|re: '[ab]*a[ab]{250}c$'", /it takes more than|written out/],
    [`F|re: '${'a'.repeat(600)}'`, /Shorten/],
    [`F: '${'a'.repeat(600)}'`, /Shorten a value/],
    ['F|what: x', /there is no modifier "what"/],
    ['F|contains|contains: x', /Write every modifier .* once/],
    ['F|all: x', /Remove all from "F\|all"/],
    ['F|re|contains: x', /contains is for text/],
    ['F|i|re: x', /may follow re alone/],
    ['F|lt: x', /a number/],
    ['F|gt|lt: 1', /do not go together/],
    ['F|cidr: 10.0.0.0/33', /address range/],
    ['F|cidr: 10.0.0', /address range/],
    ['F|exists: maybe', /true or false/],
    ['F|exists|neq: true', /exists stands alone/],
    ['F: [x, null]', /Take null out of the list/],
    ['F|contains: null', /Remove the modifiers/],
    ['F: {a: b}', /a text or a number/],
    ['F: []', /Give "F" a value/],
    ["F|base64: 'a*b'", /without wildcards/],
    ['F|contains|base64: ab', /without wildcards/],
    [`F|windash: '${'-a '.repeat(9)}'`, /more than 2000 values/],
  ])('%s', (line, reason) => {
    expect(reasonsOf(ruleOf(selection(line)))[0]).toMatch(reason);
  });
});

it('a rule has at most two thousand values', () => {
  const values = (count: number): string => Array.from({ length: count }, (_, at) => at).join(', ');
  expect(reasonsOf(ruleOf(selection(`F: [${values(2000)}]`)))).toEqual([]);
  expect(reasonsOf(ruleOf(selection(`F: [${values(2001)}]`)))[0]).toMatch(/more than 2000 values/);
});

describe('regular expressions', () => {
  it.each(['[^/]{100,}$', '(a+)+$', '(?:.{5,30}a){3}', '(?:[A-Za-z0-9+/]{4}){20,}'])(
    '%s, which others cannot judge in time, can be used',
    (source) => {
      expect(isTrue(selection(`F|re: '${source}'`), { F: 'a'.repeat(8000) })).toBe(true);
    },
  );
});

describe('a hostile event', () => {
  const set = setOf(
    [
      ruleOf(selection("F|re: '(a+)+$'"), 'regex'),
      ruleOf(selection(`F: '*${'a?'.repeat(200)}b*'`), 'marks'),
      ruleOf(selection(`F|contains: '${'a'.repeat(500)}b'`), 'alike'),
      ruleOf(selection('F|contains: [aa, a, aaa, aaaa]'), 'nested'),
      ruleOf(selection('F|endswith: tail'), 'tail'),
    ].join('---\n'),
  );

  it.each([
    ['a long run', { F: 'a'.repeat(3_000_000) }],
    ['many long members', { F: Array<string>(500).fill('a'.repeat(100_000)) }],
    ['many fields', Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`F${at}`, 'a']))],
    ['lists in lists', { F: [['a'], [[['a']]], 'a'] }],
    ['an object', { F: {} as unknown as EventValue }],
    ['a lone surrogate', { F: '\ud800' }],
  ])('of %s is judged in bounded time', (_, fields) => {
    const detector = new Detector(set);
    const before = performance.now();
    for (let turn = 0; turn < 5; turn++) detector.judge(startOf(fields));
    // A bound that only what is not bounded at all breaks.
    expect(performance.now() - before).toBeLessThan(5_000);
  });

  it('is judged by its beginning and its end, and says that it is cut', () => {
    const detector = new Detector(set, { now: () => 0 });
    const verdict = detector.judge(startOf({ F: `${'x'.repeat(200_000)}tail` }));
    expect(verdict.hits.map(({ rule }) => rule.id)).toContain('tail');
    expect(verdict.isWhole).toBe(false);
  });

  it('whose time is spent is judged no further, and says so; work that is little has time', () => {
    let ms = 0;
    const { rules } = setOf(
      Array.from({ length: 20 }, (_, at) => ruleOf(selection('F|contains: x'), `r${at}`)).join(
        '---\n',
      ),
    );
    const engine = new RuleEngine(rules, { now: () => (ms += 1) });
    const long = engine.judge(startOf({ F: 'x'.repeat(30_000) }));
    expect(long.hits.length).toBeLessThan(20);
    expect(long.isWhole).toBe(false);
    const short = engine.judge(startOf({ F: 'x' }));
    expect(short.hits).toHaveLength(20);
    expect(short.isWhole).toBe(true);
  });

  it('does not make a rule cost more than a millisecond for long: it is suspended and told', () => {
    let ms = 0;
    const told: string[] = [];
    const detector = new Detector(setOf(ruleOf(selection('F: x'), 'slow')), {
      now: () => (ms += 2),
      onSuspended: ({ id }, average) => told.push(`${id} ${average}`),
    });
    const hits = Array.from({ length: 40 }, () => detector.judge(startOf({ F: 'x' })).hits.length);
    expect(hits.reduce((sum, one) => sum + one)).toBe(32);
    expect(told).toEqual(['slow 2']);
    expect(detector.suspended.map(({ id }) => id)).toEqual(['slow']);
  });
});

describe('whatever is written in a rule file', () => {
  const piece = fc.constantFrom(
    'title: x\n',
    'id: a\n',
    'logsource: {category: process_creation}\n',
    'detection:\n',
    '  s:\n',
    '    F|re: ',
    '    F|contains|all: ',
    '  condition: ',
    's',
    ' and ',
    ' or not ',
    '1 of them',
    '(',
    ')',
    '|',
    '- a\n',
    '- {b: c}\n',
    '*a',
    '&a ',
    '---\n',
    'null',
    "'%x%'",
    'correlation:\n',
    '  type: temporal\n',
    '  rules: [a]\n',
    '  timespan: 1m\n',
    'filter:\n',
    '  rules: any\n',
    'action: global\n',
    'action: repeat\n',
    '[',
    ']',
    '{',
    '}',
    '\\',
    '?',
    '"',
    "'",
    '!!str ',
    '\0',
    '\ud800',
    '\t',
    ': ',
    '\n',
    '    ',
  );
  it('is read or refused, and judged, without a throw', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const set = setOf(pieces.join(''));
        for (const { reason } of set.refusals) expect(reason).toMatch(/^(?!Report).*\.$/);
        new Detector(set).judge(startOf({ F: 'a', G: ['b', 1] }));
      }),
      { numRuns: 100 },
    );
  });

  it('and whatever is in an event, it is judged, and what was saved is restored or left', () => {
    const set = setOf(
      [
        ruleOf('s: {F|re: a, G|contains: [b], H|lt: 5}\ncondition: 1 of them or not s', 'any'),
        ruleOf("k: [x, 'a*b']\ncondition: k", 'words'),
        'title: c\nid: c\ncorrelation: {type: value_sum, rules: [any, words], group-by: [F, __proto__], timespan: 1m, condition: {field: H, gt: 3}}\n',
      ].join('---\n'),
    );
    expect(set.refusals).toEqual([]);
    const name = fc.oneof(fc.constantFrom('F', 'G', 'H', '__proto__', 'constructor'), fc.string());
    const fields = fc.dictionary(name, fc.jsonValue() as fc.Arbitrary<EventValue>);
    fc.assert(
      fc.property(fields, fc.double(), fc.jsonValue(), (one, timeMs, saved) => {
        const detector = new Detector(set);
        detector.restore(saved as JsonValue);
        detector.judge(startOf(one, timeMs));
        detector.restore(JSON.parse(JSON.stringify(detector.save())) as JsonValue);
        detector.judge(startOf(one, timeMs));
      }),
      { numRuns: 100 },
    );
  });

  it('a value matches itself when its wildcards are escaped', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (text) => {
        const written = JSON.stringify(text.replace(/[\\*?]/g, '\\$&'));
        expect(isTrue(selection(`F: ${written}`), { F: text })).toBe(true);
        expect(isTrue(selection(`F|contains: ${written}`), { F: `x${text}y` })).toBe(true);
      }),
      { numRuns: 20 },
    );
  });
});
