import type { Comparison, Expression, FieldItem, ValueTest } from '../language/expression.js';
import { fold } from '../language/fold.js';
import { isInNetwork } from '../language/network.js';
import { type Pattern, withAnyAfter, withAnyBefore } from '../language/pattern.js';
import { limits } from '../limits.js';
import { datePart } from './date-part.js';
import { type EventView, type FieldNumbers, wholeEvent } from './event-view.js';
import { patternMatcher } from './pattern-matcher.js';

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
      const parts = expression.parts.map((part) => predicateOf(part, numbers));
      return (view) => {
        for (const part of parts) if (!part(view)) return false;
        return true;
      };
    }
    case 'or': {
      const parts = expression.parts.map((part) => predicateOf(part, numbers));
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

function itemPredicate(item: FieldItem, numbers: FieldNumbers): Predicate {
  const number = item.field === undefined ? wholeEvent : numbers.of(item.field);
  const tests = item.tests.map((test) => testPredicate(test, number, numbers));
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

/** Work for one character that a regular expression reads, in characters compared. */
const regexWork = 20;
const smallWork = 16;

/** Whether one of the values passes. */
function testPredicate(test: ValueTest, number: number, numbers: FieldNumbers): Predicate {
  switch (test.kind) {
    case 'pattern':
      return textPredicate(searched(test.pattern, number), test.cased, number);
    case 'regex': {
      const { regex } = test;
      return someText(number, (text, view) => {
        view.budget.spend(smallWork + regexWork * Math.min(text.length, limits.regexText));
        return regex(text);
      });
    }
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
