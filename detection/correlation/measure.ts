import { compare } from '../engine/predicate.js';
import type { Bounds, Correlation } from '../language/correlation.js';
import type { Expression } from '../language/expression.js';
import type { Entry } from './window.js';

/** Whether what is in a window is what the correlation describes; `latest` is the entry that was put in last. */
export function isFulfilled(
  correlation: Correlation,
  entries: readonly Entry[],
  latest: Entry,
): boolean {
  const { type, bounds } = correlation;
  switch (type) {
    case 'temporal':
      return isFulfilledBy(correlation, new Set(entries.map(({ rule }) => rule)));
    case 'temporal_ordered':
      // In the usual order of events only the last rule completes it.
      if (
        isPlain(correlation) &&
        latest === entries.at(-1) &&
        latest.rule < correlation.rules.length - 1
      )
        return false;
      return isFulfilledBy(correlation, longestOrder(entries, correlation.rules.length));
    case 'event_count':
    case 'value_count':
      // Of those the window holds one for each event, and one for each value.
      return keeps(entries.length, bounds);
    case 'value_percentile':
      return keeps(
        correlation.percentile === undefined
          ? (100 * entries.filter(({ value }) => value === latest.value).length) / entries.length
          : percentileOf(numbersOf(entries), correlation.percentile),
        bounds,
      );
    case 'value_median':
      return keeps(percentileOf(numbersOf(entries), 50), bounds);
    case 'value_sum':
      return keeps(sumOf(numbersOf(entries)), bounds);
    case 'value_avg':
      return keeps(sumOf(numbersOf(entries)) / entries.length, bounds);
    case 'value_min':
      return keeps(Math.min(...numbersOf(entries)), bounds);
    case 'value_max':
      return keeps(Math.max(...numbersOf(entries)), bounds);
  }
}

const keeps = (value: number, bounds: Bounds): boolean =>
  bounds.every(([comparison, bound]) => compare(value, comparison, bound));

const numbersOf = (entries: readonly Entry[]): readonly number[] =>
  entries.map(({ value }) => Number(value));

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);

/** Between two ranks in proportion, as spreadsheets do. */
function percentileOf(numbers: readonly number[], percentile: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const rank = ((sorted.length - 1) * percentile) / 100;
  const below = sorted[Math.floor(rank)] ?? NaN;
  const above = sorted[Math.ceil(rank)] ?? NaN;
  return below + (above - below) * (rank - Math.floor(rank));
}

/** All rules are wanted. */
const isPlain = ({ bounds, expression }: Correlation): boolean =>
  bounds.length === 0 && expression === undefined;

function isFulfilledBy(
  { bounds, expression, rules }: Correlation,
  matched: ReadonlySet<number>,
): boolean {
  if (expression !== undefined)
    return isTrue(expression, (name) => matched.has(rules.indexOf(name)));
  return bounds.length > 0 ? keeps(matched.size, bounds) : matched.size === rules.length;
}

/** A condition over rules has names, and what joins them. */
function isTrue(expression: Expression, matched: (rule: string) => boolean): boolean {
  const is = (part: Expression): boolean => isTrue(part, matched);
  switch (expression.kind) {
    case 'named':
      return matched(expression.name);
    case 'not':
      return !is(expression.part);
    case 'and':
      return expression.parts.every(is);
    case 'or':
      return expression.parts.some(is);
    case 'atLeast':
      return expression.parts.filter(is).length >= expression.least;
    default:
      return false;
  }
}

/** The most rules that matched one after the other in their order, each by an event of its own. */
function longestOrder(entries: readonly Entry[], rules: number): ReadonlySet<number> {
  // By the last rule of each: the longest order that ends with it, and the event it ends with.
  const ending: ({ readonly order: readonly number[]; readonly event: number } | undefined)[] =
    Array.from({ length: rules });
  let best: readonly number[] = [];
  let at = 0;
  while (at < entries.length) {
    const event = entries[at]?.event;
    const same: Entry[] = [];
    for (let one = entries[at]; one?.event === event && one !== undefined; one = entries[++at])
      same.push(one);
    // From what was before this event alone: one event is not two that follow each other.
    const found = same.map(({ rule }) => {
      const before = ending.slice(0, rule).reduce<readonly number[]>((longest, one) => {
        return one !== undefined && one.order.length > longest.length ? one.order : longest;
      }, []);
      return { rule, order: [...before, rule] };
    });
    for (const { order, rule } of found) {
      if (order.length >= (ending[rule]?.order.length ?? 0))
        ending[rule] = { order, event: event ?? 0 };
      if (order.length > best.length) best = order;
    }
  }
  return new Set(best);
}
