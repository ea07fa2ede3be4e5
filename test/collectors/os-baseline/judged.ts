import {
  type Check,
  evaluate,
  type Verdict,
} from '../../../collectors/os-baseline/checks/check.js';
import { keyOfNeed } from '../../../collectors/os-baseline/facts/fact-book.js';
import {
  absent,
  found,
  type Reading,
  unreadable,
} from '../../../collectors/os-baseline/facts/reading.js';

/** Stands for a fact that the device does not have. */
export const none = Symbol('none');
/** Stands for a fact that could not be read. */
export const denied = Symbol('denied');

/** The facts that a check needs, in their order. */
export type Given = readonly unknown[];

/** What a check must make of which facts. */
export interface CheckCases {
  readonly pass: readonly Given[];
  /** With what it must say that it found. */
  readonly fail: readonly (readonly [given: Given, found: string])[];
  /** Beside that of a fact which the device does not have; that one is tried with every check. */
  readonly notApplicable?: readonly Given[];
  /** Beside that of a fact which could not be read; that one is tried with every check. */
  readonly error?: readonly Given[];
  /** When the facts were looked at, where that was not in the run. */
  readonly asOfMs?: number;
}

export function judged(check: Check, given: Given): Verdict {
  if (given.length !== check.needs.length)
    throw new Error(`${check.id} needs ${check.needs.length} facts`);
  return evaluate(
    check,
    new Map(check.needs.map((need, index) => [keyOfNeed(need), readingOf(given[index])])),
  );
}

function readingOf(value: unknown): Reading<unknown> {
  if (value === none) return absent('there is none');
  if (value === denied) return unreadable('it may not be read');
  return found(value);
}
