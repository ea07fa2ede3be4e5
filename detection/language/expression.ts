import type { Pattern } from './pattern.js';
import type { RegexTest } from './regex.js';

/** Where in a text a value is looked for that another field holds. */
export type Position = 'whole' | 'start' | 'end' | 'anywhere';

export type Comparison = 'lt' | 'lte' | 'gt' | 'gte' | 'eq';

/** Number that a time modifier takes out of a date. */
export type TimePart = 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

/** What is asked of one value of a field. */
export type ValueTest =
  | { readonly kind: 'pattern'; readonly pattern: Pattern; readonly cased: boolean }
  | { readonly kind: 'regex'; readonly source: string; readonly regex: RegexTest }
  | { readonly kind: 'cidr'; readonly network: Network; readonly written: string }
  | { readonly kind: 'number'; readonly comparison: Comparison; readonly value: number }
  | {
      readonly kind: 'time';
      readonly part: TimePart;
      readonly comparison: Comparison;
      readonly value: number;
    }
  | {
      readonly kind: 'reference';
      readonly field: string;
      readonly position: Position;
      readonly cased: boolean;
    };

/** An address range: the bytes of the address, 4 or 16, and how many bits count. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/**
 * One line of a detection. `field` is undefined where the whole event is searched. The field matches when one of its values
 * passes one of the tests, or each of them when `all`; with `differs` when it is there and none does.
 */
export interface FieldItem {
  readonly kind: 'field';
  readonly field: string | undefined;
  readonly tests: readonly ValueTest[];
  readonly all: boolean;
  readonly differs: boolean;
  readonly line: number;
}

export type Expression =
  | FieldItem
  /** Whether the field is in the event, whatever its value. */
  | { readonly kind: 'exists'; readonly field: string; readonly is: boolean; readonly line: number }
  /** The field is absent, or has no value. */
  | { readonly kind: 'null'; readonly field: string; readonly line: number }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'atLeast'; readonly least: number; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  /** A detection, by its name: told by an explanation. */
  | { readonly kind: 'named'; readonly name: string; readonly part: Expression };

/** The fields that an expression asks for. */
export function fieldsOf(expression: Expression, into = new Set<string>()): Set<string> {
  switch (expression.kind) {
    case 'field':
      if (expression.field !== undefined) into.add(expression.field);
      for (const test of expression.tests) if (test.kind === 'reference') into.add(test.field);
      break;
    case 'exists':
    case 'null':
      into.add(expression.field);
      break;
    case 'not':
    case 'named':
      fieldsOf(expression.part, into);
      break;
    case 'and':
    case 'or':
    case 'atLeast':
      for (const part of expression.parts) fieldsOf(part, into);
      break;
  }
  return into;
}

/** Whether it looks for something in a whole event, whichever fields that has. */
export function searchesWhole(expression: Expression): boolean {
  switch (expression.kind) {
    case 'field':
      return expression.field === undefined;
    case 'exists':
    case 'null':
      return false;
    case 'not':
    case 'named':
      return searchesWhole(expression.part);
    case 'and':
    case 'or':
    case 'atLeast':
      return expression.parts.some(searchesWhole);
  }
}
