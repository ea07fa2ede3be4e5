import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RuleEngine } from '../../detection/engine/rule-engine.js';
import { covers } from '../../detection/language/document.js';
import { ruleOf, setOf, startOf } from '../support/sigma.js';

/** Few letters, so that rules and events meet; among them some that fold in unusual ways. */
const letters = fc.constantFrom('a', 'b', 'A', '/', ' ', 'é', 'Σ', 'ς', 'ſ', 'S', 'İ', 'K');
const text = fc.string({ unit: letters, maxLength: 8 });
const value = fc.string({
  unit: fc.oneof(
    { weight: 6, arbitrary: letters },
    { weight: 1, arbitrary: fc.constantFrom('*', '?') },
  ),
  minLength: 1,
  maxLength: 6,
});
const regex = fc
  .array(
    fc.constantFrom('a', 'b', 'ab', '[ab]', 'a?', 'b*', '(a|b)', '.', 'a+', 'ba{1,2}', 's', '\\/'),
    {
      minLength: 1,
      maxLength: 5,
    },
  )
  .map((parts) => parts.join(''));
const quoted = (of: string): string => JSON.stringify(of);
const field = fc.constantFrom('F', 'G', 'H');
const item = fc.oneof(
  fc
    .tuple(
      field,
      fc.constantFrom(
        '',
        '|contains',
        '|startswith',
        '|endswith',
        '|cased',
        '|contains|cased',
        '|neq',
      ),
      fc.array(value, { minLength: 1, maxLength: 3 }),
    )
    .map(
      ([name, modifier, values]) =>
        `${quoted(name + modifier)}: [${values.map(quoted).join(', ')}]`,
    ),
  fc
    .tuple(
      field,
      fc.constantFrom('|contains|all', '|all'),
      fc.array(value, { minLength: 2, maxLength: 3 }),
    )
    .map(
      ([name, modifier, values]) =>
        `${quoted(name + modifier)}: [${values.map(quoted).join(', ')}]`,
    ),
  fc
    .tuple(field, fc.constantFrom('|re', '|re|i', '|re|neq'), regex)
    .map(([name, modifier, source]) => `${quoted(name + modifier)}: ${quoted(source)}`),
  field.map((name) => `${quoted(name)}: null`),
  fc.tuple(field, fc.boolean()).map(([name, is]) => `${quoted(`${name}|exists`)}: ${is}`),
  fc.tuple(field, field).map(([name, other]) => `${quoted(`${name}|fieldref`)}: ${other}`),
);
const detection = fc.oneof(
  item.map((one) => `{${one}}`),
  fc.array(item, { minLength: 2, maxLength: 2 }).map((items) => `[{${items.join('}, {')}}]`),
  fc
    .array(value, { minLength: 1, maxLength: 2 })
    .map((words) => `[${words.map(quoted).join(', ')}]`),
);
const condition = fc.constantFrom(
  'x',
  'x and y',
  'x or y',
  'x and not y',
  'not x',
  '1 of them',
  'all of them',
  '2 of them',
  'not (x and y)',
  '(x or z) and y',
);
const rule = fc
  .tuple(detection, detection, detection, condition)
  .map(([x, y, z, of]) => `x: ${x}\ny: ${y}\nz: ${z}\ncondition: ${of}`);
const eventValue = fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.constant(null));
const event = fc.dictionary(field, eventValue, { maxKeys: 3 });

it('the index leaves out no rule that is true of an event, and adds none', () => {
  let hits = 0;
  fc.assert(
    fc.property(
      fc.array(rule, { minLength: 1, maxLength: 8 }),
      fc.array(event, { minLength: 1, maxLength: 8 }),
      (rules, events) => {
        const all = rules.map((one, at) => ruleOf(one, `r${at}`)).join('---\n');
        const engine = new RuleEngine(setOf(all).rules, { now: () => 0 });
        for (const fields of events) {
          const one = startOf(fields);
          const plain = engine.judgeAll(one, ({ logsource }) => covers(logsource, one.logsource));
          expect(engine.judge(one).hits).toEqual(plain);
          hits += plain.length;
        }
      },
    ),
    { numRuns: 60 },
  );
  expect(hits).toBeGreaterThan(100);
});
