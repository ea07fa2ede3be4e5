import type { Expression, FieldItem, ValueTest } from '../language/expression.js';
import { writtenPattern } from '../language/pattern.js';
import { EventView, FieldNumbers, type SigmaEvent } from './event-view.js';
import { predicateOf } from './predicate.js';

/** A part of a condition, whether it is true of the event, and what it is made of. Nothing of the event is quoted. */
export interface Explanation {
  readonly part: string;
  readonly is: boolean;
  readonly parts: readonly Explanation[];
}

/** Which parts of an expression are true of an event; unlike a judgement it looks at all of them. */
export function explain(expression: Expression, event: SigmaEvent): Explanation {
  const numbers = new FieldNumbers();
  predicateOf(expression, numbers);
  // Nobody waits in vain: a person asks, and the bounds of the texts hold.
  const view = new EventView(numbers, () => 0);
  view.load(event.fields);
  const of = (part: Expression): Explanation => {
    const is = predicateOf(part, numbers)(view);
    return { part: said(part), is, parts: partsOf(part).map(of) };
  };
  return of(expression);
}

function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'and':
    case 'or':
    case 'atLeast':
      return expression.parts;
    case 'not':
      return [expression.part];
    case 'named':
      return [expression.part];
    case 'field':
      return expression.tests.length < 2
        ? []
        : expression.tests.map((test) => ({ ...expression, tests: [test], differs: false }));
    case 'exists':
    case 'null':
      return [];
  }
}

function said(expression: Expression): string {
  switch (expression.kind) {
    case 'and':
      return 'all of';
    case 'or':
      return 'one of';
    case 'atLeast':
      return `${expression.least} of`;
    case 'not':
      return 'not';
    case 'named':
      return expression.name;
    case 'field':
      return saidItem(expression);
    case 'exists':
      return `${expression.field} is ${expression.is ? '' : 'not '}in the event`;
    case 'null':
      return `${expression.field} has no value`;
  }
}

function saidItem({ all, differs, field, tests }: FieldItem): string {
  const name = field ?? 'the event';
  const not = differs ? 'not ' : '';
  const [only] = tests;
  if (only !== undefined && tests.length === 1) return `${name} is ${not}${saidTest(only)}`;
  if (tests.length === 0) return `${name} is ${not}in an empty list`;
  return `${name} is ${not}${all ? 'all' : 'one'} of ${tests.length}`;
}

function saidTest(test: ValueTest): string {
  switch (test.kind) {
    case 'pattern':
      return `${test.cased ? 'in this case ' : ''}"${writtenPattern(test.pattern)}"`;
    case 'regex':
      return `like /${test.source}/`;
    case 'cidr':
      return `in ${test.written}`;
    case 'number':
      return `${test.comparison} ${test.value}`;
    case 'time':
      return `of ${test.part} ${test.comparison} ${test.value}`;
    case 'reference':
      return `as ${test.field} (${test.position})`;
  }
}
