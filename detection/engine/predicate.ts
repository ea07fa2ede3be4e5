import type { Comparison, Expression, FieldItem, ValueTest } from '../language/expression.js';
import { fold } from '../language/fold.js';
import { isInNetwork } from '../language/network.js';
import { type Pattern, withAnyAfter, withAnyBefore } from '../language/pattern.js';
import { limits } from '../limits.js';
import { datePart } from './date-part.js';
import { type EventView, type FieldNumbers, wholeEvent } from './event-view.js';
import { patternMatcher, placed, plainPattern, type PlainPattern } from './pattern-matcher.js';
import { literalsInRegex } from './regex-literal.js';

/** Whether an expression is true of the event in the view. @throws BudgetSpent */
export type Predicate = (view: EventView) => boolean;

export function predicateOf(expression: Expression, numbers: FieldNumbers): Predicate {
  switch (expression.kind) {
    case 'named':
      return predicateOf(expression.part, numbers);
    case 'not': {
      const part = predicateOf(expression.part, numbers);
      return (view) => !part(view);
    }
    case 'and': {
      const parts = cheapFirst(expression.parts).map((part) => predicateOf(part, numbers));
      return (view) => {
        for (const part of parts) if (!part(view)) return false;
        return true;
      };
    }
    case 'or': {
      const parts = cheapFirst(expression.parts).map((part) => predicateOf(part, numbers));
      return (view) => {
        for (const part of parts) if (part(view)) return true;
        return false;
      };
    }
    case 'atLeast': {
      const parts = expression.parts.map((part) => predicateOf(part, numbers));
      const { least } = expression;
      return (view) => {
        let count = 0;
        for (const part of parts) if (part(view) && ++count >= least) return true;
        return false;
      };
    }
    case 'exists': {
      const number = numbers.of(expression.field);
      const { is } = expression;
      return (view) => (view.texts(number) !== undefined) === is;
    }
    case 'null': {
      const number = numbers.of(expression.field);
      return (view) => {
        const texts = view.texts(number);
        return texts === undefined || texts.length === 0;
      };
    }
    case 'field':
      return itemPredicate(expression, numbers);
  }
}

/** What needs no regular expression often says enough. */
const cheapFirst = (parts: readonly Expression[]): readonly Expression[] =>
  parts.toSorted((a, b) => Number(hasRegex(a)) - Number(hasRegex(b)));

function hasRegex(expression: Expression): boolean {
  switch (expression.kind) {
    case 'named':
    case 'not':
      return hasRegex(expression.part);
    case 'and':
    case 'or':
    case 'atLeast':
      return expression.parts.some(hasRegex);
    case 'field':
      return expression.tests.some(({ kind }) => kind === 'regex');
    case 'exists':
    case 'null':
      return false;
  }
}

function itemPredicate(item: FieldItem, numbers: FieldNumbers): Predicate {
  const number = item.field === undefined ? wholeEvent : numbers.of(item.field);
  const tests = testsOf(item, number, numbers);
  const { all, differs } = item;
  return (view) => {
    const texts = view.texts(number);
    if (texts === undefined || texts.length === 0) return false;
    let is = all;
    for (const test of tests) {
      if (test(view) === all) continue;
      is = !all;
      break;
    }
    return is !== differs;
  };
}

/**
 * The tests of an item. Most rules are lists of plain texts: those that are looked for in the same way are one test, which
 * takes a fraction of the room and the time of one for each.
 */
function testsOf(item: FieldItem, number: number, numbers: FieldNumbers): readonly Predicate[] {
  const plain = new Map<
    string,
    { cased: boolean; place: PlainPattern['place']; literals: string[] }
  >();
  const others: Predicate[] = [];
  for (const test of item.tests) {
    const found =
      test.kind === 'pattern' ? plainPattern(searched(test.pattern, number)) : undefined;
    if (test.kind !== 'pattern' || found === undefined) {
      others.push(testPredicate(test, number, numbers));
      continue;
    }
    const { cased } = test;
    const { literal, place } = found;
    const key = `${place} ${cased}`;
    let group = plain.get(key);
    if (group === undefined) plain.set(key, (group = { cased, place, literals: [] }));
    group.literals.push(cased ? literal : fold(literal));
  }
  const groups = [...plain.values()].map(({ cased, literals, place }) =>
    literalsPredicate(literals, { all: item.all, cased, number, place }),
  );
  return [...groups, ...others];
}

interface Looked {
  /** Every literal is asked for, each in one of the texts. */
  readonly all: boolean;
  readonly cased: boolean;
  readonly number: number;
  readonly place: PlainPattern['place'];
}

function literalsPredicate(
  literals: readonly string[],
  { all, cased, number, place }: Looked,
): Predicate {
  const matches = placed[place];
  return (view) => {
    const texts = (cased ? view.texts(number) : view.folded(number)) ?? [];
    for (const literal of literals) {
      let is = false;
      for (const text of texts) {
        view.budget.spend(smallWork + text.length);
        is = matches(text, literal);
        if (is) break;
      }
      if (is !== all) return is;
    }
    return all;
  };
}

/** Work for one character that a regular expression reads, in characters compared. */
const regexWork = 20;
const smallWork = 16;

/** Whether one of the values passes. */
function testPredicate(test: ValueTest, number: number, numbers: FieldNumbers): Predicate {
  switch (test.kind) {
    case 'pattern':
      return textPredicate(searched(test.pattern, number), test.cased, number);
    case 'regex':
      return regexPredicate(test, number);
    case 'cidr': {
      const { network } = test;
      return someText(number, (text) => isInNetwork(text, network));
    }
    case 'number': {
      const { comparison, value } = test;
      return someText(number, (text) => {
        const is = numberOf(text);
        return is !== undefined && compare(is, comparison, value);
      });
    }
    case 'time': {
      const { part, comparison, value } = test;
      return someText(number, (text) => {
        const is = datePart(text, part);
        return is !== undefined && compare(is, comparison, value);
      });
    }
    case 'reference': {
      const { cased, position } = test;
      const other = numbers.of(test.field);
      const compareTexts = {
        whole: (text: string, value: string) => text === value,
        start: (text: string, value: string) => text.startsWith(value),
        end: (text: string, value: string) => text.endsWith(value),
        anywhere: (text: string, value: string) => text.includes(value),
      }[position];
      return (view) => {
        const texts = cased ? view.texts(number) : view.folded(number);
        const values = cased ? view.texts(other) : view.folded(other);
        if (texts === undefined || values === undefined) return false;
        for (const text of texts)
          for (const value of values) {
            view.budget.spend(smallWork + text.length);
            if (compareTexts(text, value)) return true;
          }
        return false;
      };
    }
  }
}

/** Most values lack the plain texts that are in the expression; looking for those costs a hundredth. */
function regexPredicate(
  { regex, source }: ValueTest & { kind: 'regex' },
  number: number,
): Predicate {
  const literals = literalsInRegex(source);
  const isFound = someText(number, (text, view) => {
    view.budget.spend(smallWork + regexWork * Math.min(text.length, limits.regexText));
    return regex(text);
  });
  if (literals === undefined) return isFound;
  const mayBeFound = literalsPredicate(literals, {
    all: false,
    cased: false,
    number,
    place: 'anywhere',
  });
  return (view) => mayBeFound(view) && isFound(view);
}

/** A keyword may stand anywhere in the event. */
const searched = (pattern: Pattern, number: number): Pattern =>
  number === wholeEvent ? withAnyAfter(withAnyBefore(pattern)) : pattern;

function textPredicate(pattern: Pattern, cased: boolean, number: number): Predicate {
  const matches = patternMatcher(cased ? pattern : foldedPattern(pattern));
  return (view) => {
    const texts = (cased ? view.texts(number) : view.folded(number)) ?? [];
    for (const text of texts) {
      view.budget.spend(smallWork + text.length);
      if (matches(text)) return true;
    }
    return false;
  };
}

export const foldedPattern = (pattern: Pattern): Pattern =>
  pattern.map((part) => (typeof part === 'string' ? fold(part) : part));

function someText(number: number, test: (text: string, view: EventView) => boolean): Predicate {
  return (view) => {
    for (const text of view.texts(number) ?? []) {
      view.budget.spend(smallWork);
      if (test(text, view)) return true;
    }
    return false;
  };
}

function numberOf(text: string): number | undefined {
  return text.length <= 32 && /^[-+]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : undefined;
}

export function compare(is: number, comparison: Comparison, value: number): boolean {
  switch (comparison) {
    case 'lt':
      return is < value;
    case 'lte':
      return is <= value;
    case 'gt':
      return is > value;
    case 'gte':
      return is >= value;
    case 'eq':
      return is === value;
  }
}
