import { describe, expect, it } from 'vitest';
import { buildRuleSet } from '../../detection/rules/rule-set.js';
import { alertsOf, newReader, ruleOf, selection, setOf, startOf } from '../support/sigma.js';

const bad = ruleOf(selection('F|contains: bad'), 'bad');
const alerts = (text: string, F: string): readonly string[] | undefined =>
  alertsOf(text, [startOf({ F, User: 'adm_x' })])[0];

describe('a filter', () => {
  const filter = (
    rules: string,
    condition = 'not known',
    logsource = '{category: process_creation}',
  ) =>
    `---\ntitle: Known\nlogsource: ${logsource}\nfilter:\n  rules: ${rules}\n  known: {F|endswith: fine}\n  condition: ${condition}\n`;

  it.each([['[bad]'], ['any'], ['[any]'], ['bad']])(
    'over %s joins its condition to that of the rules',
    (rules) => {
      expect(alerts(bad + filter(rules), 'bad')).toEqual(['bad']);
      expect(alerts(bad + filter(rules), 'bad but fine')).toEqual([]);
    },
  );

  it('narrows a rule to what it says when it is not negated', () => {
    expect(alerts(bad + filter('[bad]', 'known'), 'bad')).toEqual([]);
    expect(alerts(bad + filter('[bad]', 'known'), 'bad but fine')).toEqual(['bad']);
  });

  it('finds a rule by its name, in whatever order they stand', () => {
    const named = bad.replace('id: bad', 'id: other\nname: bad');
    expect(alerts(filter('[bad]').replace('---\n', '') + `---\n${named}`, 'bad fine')).toEqual([]);
  });

  it('changes no other rule and none of another log source, and says so', () => {
    const other = setOf(bad + filter('[unknown]'));
    expect(other.notes.map(({ reason }) => reason)).toEqual([
      'There is no rule "unknown" to filter.',
    ]);
    const elsewhere = setOf(bad + filter('[bad]', 'not known', '{category: file_event}'));
    expect(elsewhere.notes[0]?.reason).toMatch(/another logsource/);
    expect(
      alerts(bad + filter('[bad]', 'not known', '{category: file_event}'), 'bad fine'),
    ).toEqual(['bad']);
  });

  it('does not get into the way of "of them" of its rule', () => {
    const all = ruleOf('s: {F|contains: bad}\ncondition: all of them', 'bad');
    expect(alerts(all + filter('any'), 'bad')).toEqual(['bad']);
  });
});

describe('documents of one file', () => {
  it('share what action: global says, until a reset', () => {
    const text = `action: global
title: Common
level: low
logsource: {category: process_creation}
---
id: one
detection: {s: {F: one}, condition: s}
---
id: two
level: high
detection: {s: {F: two}, condition: s}
---
action: repeat
id: three
detection: {s: {F: three}}
---
action: reset
---
id: four
detection: {s: {F: four}, condition: s}`;
    const set = setOf(text);
    expect(set.rules.map(({ id, level }) => [id, level])).toEqual([
      ['one', 'low'],
      ['two', 'high'],
      ['three', 'high'],
    ]);
    expect(set.refusals.map(({ reason }) => reason)).toEqual([
      'Add title: every such document has one.',
    ]);
  });

  it('may stand for each other with an anchor', () => {
    const text = `title: x\nid: x\nlogsource: {category: process_creation}\ndetection:\n  a: &a {F: 1}\n  b: {G: 2}\n  c: [*a, {H: 3}]\n  condition: c`;
    expect(alertsOf(text, [startOf({ F: 1 }), startOf({ G: 2 })])).toEqual([['x'], []]);
  });

  it('of all files are at most a thousand, and the others are told', () => {
    const read = newReader();
    const file = (name: number) => {
      const one = (at: number): string => ruleOf(selection('F: 1'), `r${name}.${at}`);
      const text = Array.from({ length: 180 }, (_, at) => one(at)).join('---\n');
      return read({ name: `${name}.yml`, text });
    };
    const set = buildRuleSet([0, 1, 2, 3, 4, 5].map(file));
    expect(set.rules).toHaveLength(1000);
    expect(set.refusals).toHaveLength(80);
    expect(set.refusals[0]?.reason).toMatch(/Remove some rules: 1000 are used/);
  });
});

describe('a rule', () => {
  it('is about what its log source says, and all of it', () => {
    const about = (logsource: string): string =>
      `title: x\nid: x\nlogsource: ${logsource}\ndetection: {s: {F: 1}, condition: s}`;
    const event = (logsource: object) => ({ logsource, fields: { F: 1 }, timeMs: 0 });
    const linux = event({ category: 'process_creation', product: 'linux' });
    expect(alertsOf(about('{product: Linux}'), [linux])).toEqual([['x']]);
    expect(alertsOf(about('{product: linux, service: auditd}'), [linux])).toEqual([[]]);
    expect(alertsOf(about('{product: windows}'), [linux])).toEqual([[]]);
    expect(alertsOf(about('{category: process_creation}'), [linux])).toEqual([['x']]);
  });

  it('without an id is called by its name, or by its place', () => {
    const text = bad.replace('id: bad\n', '');
    expect(
      setOf(`${text}---\n${text.replace('title', 'name: n\ntitle')}`).rules.map(({ id }) => id),
    ).toEqual(['rules.yml#1', 'n']);
  });
});
