import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../base/json.js';
import { Detector } from '../../detection/rules/detector.js';
import { alertsOf, type Fields, reasonsOf, ruleOf, setOf, startOf } from '../support/sigma.js';

const rule = (id: string): string => ruleOf(`s: {E: ${id}}\ncondition: s`, id);
const correlation = (id: string, lines: string, level = ''): string =>
  `title: ${id}\nid: ${id}\n${level}correlation:\n${lines
    .trim()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\n`;
const join = (...documents: string[]): string => documents.join('---\n');

/** `[seconds, rule, fields]`: each event is one that a rule of this name is true of. */
type Step = readonly [second: number, rule: string, fields?: Fields];
const events = (steps: readonly Step[]) =>
  steps.map(([second, name, fields]) => startOf({ E: name, ...fields }, second * 1000));

/** The numbers of the events at which the correlation `c` is found. */
const found = (lines: string, steps: readonly Step[], rules = ['a', 'b', 'd']): number[] =>
  alertsOf(join(...rules.map(rule), correlation('c', lines)), events(steps)).flatMap(
    (ids, event) => (ids.includes('c') ? [event] : []),
  );

describe('event_count', () => {
  const three =
    'type: event_count\nrules: [a]\ngroup-by: [User]\ntimespan: 10s\ncondition: {gte: 3}';
  const root = { User: 'root' };

  it('is found at the event that completes it, and begins anew', () => {
    const steps: Step[] = [0, 1, 2, 3, 4, 5].map((second) => [second, 'a', root]);
    expect(found(three, steps)).toEqual([2, 5]);
  });

  it('counts each group by itself, that without the field too', () => {
    const steps: Step[] = [
      [0, 'a', root],
      [1, 'a', { User: 'anna' }],
      [2, 'a', root],
      [3, 'a'],
      [4, 'a', { User: 'anna' }],
      [5, 'a', root],
    ];
    expect(found(three, steps)).toEqual([5]);
  });

  it('has a window without borders that holds the whole timespan', () => {
    expect(
      found(three, [
        [0, 'a'],
        [5, 'a'],
        [10, 'a'],
      ]),
    ).toEqual([2]);
    expect(
      found(three, [
        [0, 'a'],
        [5, 'a'],
        [10.001, 'a'],
      ]),
    ).toEqual([]);
    expect(
      found(three, [
        [0, 'a'],
        [8, 'a'],
        [15, 'a'],
        [16, 'a'],
      ]),
    ).toEqual([3]);
  });

  it('puts what comes late where it belongs, and outlives a clock that is set back', () => {
    expect(
      found(three, [
        [8, 'a'],
        [9, 'a'],
        [1, 'a'],
      ]),
    ).toEqual([2]);
    const back: Step[] = [
      [5000, 'a'],
      [5001, 'a'],
      [1, 'a'],
      [2, 'a'],
      [3, 'a'],
    ];
    expect(found(three, back)).toEqual([4]);
  });

  it('keeps a range, and takes several rules, one event once', () => {
    const range = 'type: event_count\nrules: [a, b]\ntimespan: 1m\ncondition: {gt: 1, lte: 5}';
    expect(
      found(range, [
        [0, 'a'],
        [1, 'b'],
      ]),
    ).toEqual([1]);
    const same = join(rule('a'), ruleOf('s: {E: a}\ncondition: s', 'b'), correlation('c', range));
    expect(
      alertsOf(
        same,
        events([
          [0, 'a'],
          [1, 'a'],
        ]),
      ),
    ).toEqual([[], ['c']]);
  });
});

describe('values', () => {
  const values = (type: string, condition: string): string =>
    `type: ${type}\nrules: [a]\ngroup-by: [User]\ntimespan: 1m\ncondition: {field: V, ${condition}}`;
  const steps = (...of: (string | number | null)[]): Step[] =>
    of.map((value, second) => [second, 'a', { V: value }]);

  it.each([
    ['value_count', 'gte: 3', [1, 1, 2, 2, 3], [4]],
    ['value_count', 'gte: 2', ['x', null, 'x', 'y'], [3]],
    ['value_sum', 'gt: 10', [4, 5, 'no', 6], [3]],
    ['value_avg', 'gt: 5', [4, 5, 9], [2]],
    ['value_min', 'lt: 3', [4, 3, 2], [2]],
    ['value_max', 'gte: 9', [4, 5, 9], [2]],
    ['value_median', 'gt: 4', [1, 9, 2, 7, 8], [1, 3, 4]],
    ['value_percentile', 'percentile: 50, gt: 4', [1, 2, 9, 9], [3]],
    ['value_percentile', 'lte: 20', ['x', 'x', 'x', 'x', 'y'], [4]],
  ] as const)('%s with %s of %o is found at %o', (type, condition, of, at) => {
    expect(found(values(type, condition), steps(...of))).toEqual(at);
  });

  it('of several fields count together', () => {
    const two = 'type: value_count\nrules: [a]\ntimespan: 1m\ncondition: {field: [V, W], gte: 2}';
    const pairs: Step[] = [
      [0, 'a', { V: 1, W: 1 }],
      [1, 'a', { V: 1, W: 1 }],
      [2, 'a', { V: 1, W: 2 }],
    ];
    expect(found(two, pairs)).toEqual([2]);
  });
});

describe('temporal', () => {
  const temporal = (type: string, more = ''): string =>
    `type: ${type}\nrules: [a, b, d]\ngroup-by: [User]\ntimespan: 10s\n${more}`;

  it('wants all rules in any order within the timespan', () => {
    expect(
      found(temporal('temporal'), [
        [0, 'd'],
        [1, 'a'],
        [2, 'b'],
      ]),
    ).toEqual([2]);
    expect(
      found(temporal('temporal'), [
        [0, 'd'],
        [5, 'a'],
        [11, 'b'],
      ]),
    ).toEqual([]);
    expect(
      found(temporal('temporal'), [
        [0, 'd'],
        [0, 'a'],
        [9, 'd'],
        [10, 'b'],
      ]),
    ).toEqual([3]);
  });

  it('wants as many rules as its condition says, or those that it names', () => {
    const two = temporal('temporal', 'condition: {gte: 2}');
    expect(
      found(two, [
        [0, 'a'],
        [1, 'a'],
        [2, 'b'],
      ]),
    ).toEqual([2]);
    const named = temporal('temporal', 'condition: d AND (a OR b)');
    expect(
      found(named, [
        [0, 'a'],
        [1, 'b'],
        [2, 'd'],
      ]),
    ).toEqual([2]);
    const one = temporal('temporal', 'condition: 2 of them');
    expect(
      found(one, [
        [0, 'a'],
        [1, 'd'],
      ]),
    ).toEqual([1]);
  });

  it('ordered wants them one after the other', () => {
    const ordered = temporal('temporal_ordered');
    expect(
      found(ordered, [
        [0, 'a'],
        [1, 'b'],
        [2, 'd'],
      ]),
    ).toEqual([2]);
    expect(
      found(ordered, [
        [0, 'b'],
        [1, 'a'],
        [2, 'd'],
      ]),
    ).toEqual([]);
    expect(
      found(ordered, [
        [0, 'a'],
        [1, 'b'],
        [2, 'a'],
        [3, 'd'],
      ]),
    ).toEqual([3]);
    expect(
      found(ordered, [
        [0, 'b'],
        [1, 'a'],
        [2, 'b'],
        [2, 'd'],
      ]),
    ).toEqual([3]);
    expect(
      found(temporal('temporal_ordered', 'condition: a and d'), [
        [0, 'd'],
        [1, 'a'],
        [2, 'd'],
      ]),
    ).toEqual([2]);
  });

  it('ordered does not take one event for two', () => {
    const same = join(
      rule('a'),
      ruleOf('s: {E: a}\ncondition: s', 'b'),
      correlation('c', 'type: temporal_ordered\nrules: [a, b]\ntimespan: 1m'),
    );
    expect(
      alertsOf(
        same,
        events([
          [0, 'a'],
          [1, 'a'],
        ]),
      ),
    ).toEqual([[], ['c']]);
  });
});

describe('an alias', () => {
  it('groups by other fields of other rules', () => {
    const aliased = `type: temporal
rules: [a, b]
group-by: [inner, outer]
timespan: 10s
aliases:
  inner: {a: Destination, b: Source}
  outer: {a: Source, b: Destination}`;
    const steps: Step[] = [
      [0, 'a', { Source: 1, Destination: 2 }],
      [1, 'b', { Source: 1, Destination: 2 }],
      [2, 'b', { Source: 2, Destination: 1 }],
    ];
    expect(found(aliased, steps)).toEqual([2]);
  });
});

describe('what a correlation is made of', () => {
  const failures =
    'type: event_count\nrules: [a]\ngroup-by: [User]\ntimespan: 10s\ncondition: {gte: 3}';
  const success =
    'type: temporal_ordered\nrules: [failures, b]\ngroup-by: [User]\ntimespan: 10s\ngenerate: false';

  it('may be a correlation, which stands after it', () => {
    const text = join(
      correlation('c', success, 'level: critical\n'),
      correlation('failures', failures),
      rule('a'),
      rule('b'),
    );
    const steps: Step[] = [
      [0, 'b'],
      [1, 'a'],
      [2, 'a'],
      [3, 'a'],
      [4, 'b'],
      [5, 'b'],
    ];
    expect(alertsOf(text, events(steps))).toEqual([[], [], [], [], ['c'], []]);
  });

  it('raises no alert of its own, unless generate asks for it', () => {
    const loud = failures.replace('type', 'generate: true\ntype');
    expect(
      alertsOf(
        join(rule('a'), rule('d'), correlation('c', failures)),
        events([
          [0, 'a'],
          [1, 'd'],
        ]),
      ),
    ).toEqual([[], ['d']]);
    expect(alertsOf(join(rule('a'), correlation('c', loud)), events([[0, 'a']]))).toEqual([['a']]);
  });

  it('gives it its level where it has none', () => {
    const [loaded] = setOf(join(rule('a'), correlation('c', failures))).correlations;
    expect(loaded?.level).toBe('high');
  });

  it.each([
    [
      'a circle',
      join(
        correlation('x', 'type: temporal\nrules: [y]\ntimespan: 1m'),
        correlation('y', 'type: temporal\nrules: [x]\ntimespan: 1m'),
      ),
      /Untie the correlation from "y"/,
    ],
    [
      'a rule that is not there',
      correlation('x', 'type: temporal\nrules: [z]\ntimespan: 1m'),
      /Add the rule "z"/,
    ],
    ['no timespan', correlation('x', 'type: temporal\nrules: [z]'), /Add timespan/],
    [
      'a timespan of months',
      correlation('x', 'type: temporal\nrules: [z]\ntimespan: 2M'),
      /Write timespan/,
    ],
    [
      'a timespan of years',
      correlation('x', 'type: temporal\nrules: [z]\ntimespan: 9999d'),
      /at most 30d/,
    ],
    ['another type', correlation('x', 'type: near\nrules: [z]\ntimespan: 1m'), /Correct type/],
    [
      'no condition',
      correlation('x', 'type: event_count\nrules: [z]\ntimespan: 1m'),
      /Add a condition/,
    ],
    [
      'no field',
      correlation('x', 'type: value_sum\nrules: [z]\ntimespan: 1m\ncondition: {gt: 1}'),
      /Name the field/,
    ],
    [
      'a count of more than is kept',
      correlation('x', 'type: event_count\nrules: [z]\ntimespan: 1m\ncondition: {gt: 9999}'),
      /fewer than 2048/,
    ],
    [
      'an alias of another rule',
      correlation('x', 'type: temporal\nrules: [z]\ntimespan: 1m\naliases: {i: {q: F}}'),
      /"q" is none of the rules/,
    ],
  ])('%s is refused with its reason', (_, text, reason) => {
    expect(reasonsOf(text)[0]).toMatch(reason);
  });
});

describe('what has been counted', () => {
  const text = join(
    rule('a'),
    rule('b'),
    correlation(
      'c',
      'type: value_count\nrules: [a]\ngroup-by: [User]\ntimespan: 1h\ncondition: {field: V, gte: 3}',
    ),
    correlation('o', 'type: temporal_ordered\nrules: [a, b]\ntimespan: 1h'),
  );
  const first = events([
    [0, 'a', { V: 1 }],
    [1, 'a', { V: 2 }],
  ]);
  const last = events([
    [3, 'a', { V: 3 }],
    [4, 'b'],
  ]);

  it('survives a restart', () => {
    const before = new Detector(setOf(text));
    for (const event of first) before.judge(event);
    const saved = JSON.parse(JSON.stringify(before.save())) as JsonValue;
    const after = new Detector(setOf(text));
    after.restore(saved);
    const hits = last.map((event) => after.judge(event).hits.map(({ rule: { id } }) => id));
    expect(hits).toEqual([['c'], ['o']]);
  });

  it('is forgotten when the correlation has changed', () => {
    const before = new Detector(setOf(text));
    for (const event of first) before.judge(event);
    const after = new Detector(setOf(text.replaceAll('1h', '2h')));
    after.restore(before.save());
    expect(last.flatMap((event) => after.judge(event).hits.map(({ rule: { id } }) => id))).toEqual([
      'o',
    ]);
  });

  it.each([
    null,
    1,
    [],
    {},
    { version: 1 },
    { version: 1, events: -1, correlations: [null, { id: 'c' }] },
    {
      version: 1,
      correlations: [
        {
          id: 'c',
          groups: [
            { key: 1, entries: 2 },
            { key: 'k', entries: [[1], ['x', 1, 0], [1e99, 0, 7, 3]] },
          ],
        },
      ],
    },
  ])('is not there when something else was saved: %o', (saved) => {
    const detector = new Detector(setOf(text));
    detector.restore(saved);
    expect(first.flatMap((event) => detector.judge(event).hits)).toEqual([]);
  });

  it('stays bounded whatever happens', () => {
    const detector = new Detector(setOf(text));
    for (let number = 0; number < 5_000; number++)
      detector.judge(startOf({ E: 'a', User: number % 2500, V: number }, number));
    const { correlations } = detector.save();
    const kept = JSON.stringify(correlations);
    expect(kept.length).toBeLessThan(500_000);
    expect(detector.forgotten).toBeGreaterThan(0);
  });
});
