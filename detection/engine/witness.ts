import type { Expression, FieldItem, ValueTest } from '../language/expression.js';
import { fold } from '../language/fold.js';
import { type FieldNumbers, wholeEvent } from './event-view.js';
import { literalsInRegex, share as shareOf } from './regex-literal.js';

/** A folded text that stands in the folded text of a field. */
export interface Literal {
  readonly field: number;
  readonly text: string;
}

/** Longer ones say hardly more, and take room. */
const longest = 12;

/**
 * Literals of which one must be in an event for the expression to be true of it; undefined where there are none such. Of
 * several such sets the one that fewest events will have: few literals, and long ones.
 */
export function witnessOf(
  expression: Expression,
  numbers: FieldNumbers,
): readonly Literal[] | undefined {
  switch (expression.kind) {
    case 'named':
      return witnessOf(expression.part, numbers);
    case 'and':
      return rarest(expression.parts.map((part) => witnessOf(part, numbers)));
    case 'or':
    case 'atLeast':
      return union(expression.parts.map((part) => witnessOf(part, numbers)));
    case 'field':
      return itemWitness(expression, numbers);
    case 'not':
    case 'exists':
    case 'null':
      return undefined;
  }
}

function itemWitness(item: FieldItem, numbers: FieldNumbers): readonly Literal[] | undefined {
  if (item.differs) return undefined;
  const field = item.field === undefined ? wholeEvent : numbers.of(item.field);
  const witnesses = item.tests.map((test) => {
    const texts = literalsOfTest(test);
    return texts?.map((text): Literal => ({ field, text: text.slice(-longest) }));
  });
  return item.all ? rarest(witnesses) : union(witnesses);
}

/** Texts of which a value must hold one. */
function literalsOfTest(test: ValueTest): readonly string[] | undefined {
  switch (test.kind) {
    case 'pattern': {
      const literals = test.pattern.filter((part) => typeof part === 'string').map(fold);
      const best = literals.reduce((one, text) => (text.length > one.length ? text : one), '');
      return best === '' ? undefined : [best];
    }
    case 'regex':
      return literalsInRegex(test.source);
    default:
      return undefined;
  }
}

type Witness = readonly Literal[] | undefined;

function union(witnesses: readonly Witness[]): Witness {
  const all = new Map<string, Literal>();
  for (const witness of witnesses) {
    if (witness === undefined) return undefined;
    for (const literal of witness) all.set(`${literal.field} ${literal.text}`, literal);
  }
  return [...all.values()];
}

function rarest(witnesses: readonly Witness[]): Witness {
  let best: Witness;
  for (const witness of witnesses)
    if (witness !== undefined && (best === undefined || share(witness) < share(best)))
      best = witness;
  return best;
}

/** A guess at the share of events that have one of them, only good for comparing. */
const share = (witness: readonly Literal[]): number => shareOf(witness.map(({ text }) => text));
