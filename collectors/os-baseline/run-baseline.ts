import { type Check, evaluate, type Verdict } from './checks/check.js';
import type { FactContext } from './facts/fact-reader.js';
import { readFacts } from './facts/fact-book.js';

/** A check with what it came to. */
export interface Outcome {
  readonly check: Check;
  readonly verdict: Verdict;
}

/** Reads what the checks need, each fact once, and judges it. Rejects only when the signal is aborted. */
export async function runBaseline(
  checks: readonly Check[],
  context: FactContext,
): Promise<readonly Outcome[]> {
  const book = await readFacts(
    checks.flatMap(({ needs }) => needs),
    context,
  );
  return checks.map((check) => ({ check, verdict: evaluate(check, book) }));
}

/** How many checks came to what. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly errors: number;
  readonly notApplicable: number;
}

export function countsOf(outcomes: readonly Outcome[]): Counts {
  const of = (result: Verdict['result']): number =>
    outcomes.filter(({ verdict }) => verdict.result === result).length;
  return {
    passed: of('pass'),
    failed: of('fail'),
    errors: of('error'),
    notApplicable: of('notApplicable'),
  };
}
