import { type Check, evaluate, type Verdict } from './checks/check.js';
import type { FactContext } from './facts/fact-reader.js';
import { readFacts } from './facts/fact-book.js';
import { HostFiles } from './facts/host-files.js';

/** A check with what it came to. */
export interface Outcome {
  readonly check: Check;
  readonly verdict: Verdict;
}

export interface BaselineRun {
  readonly outcomes: readonly Outcome[];
  /** What could not be seen, in sentences. */
  readonly limitations: readonly string[];
}

/** Reads what the checks need, each fact once, and judges it. Rejects only when the signal is aborted. */
export async function runBaseline(
  checks: readonly Check[],
  { host, signal }: Pick<FactContext, 'host' | 'signal'>,
): Promise<BaselineRun> {
  const files = await HostFiles.open({ paths: host.paths, signal });
  const limitations = files.limitation === undefined ? [] : [files.limitation];
  const limit = (sentence: string): void => void limitations.push(sentence);
  const book = await readFacts(
    checks.flatMap(({ needs }) => needs),
    { host, files, signal, limit },
  );
  return {
    outcomes: checks.map((check) => ({ check, verdict: evaluate(check, book) })),
    limitations,
  };
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
