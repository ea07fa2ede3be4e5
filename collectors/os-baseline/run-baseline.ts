import { type Check, error, evaluate, pass, type Verdict } from './checks/check.js';
import type { CustomChecks } from './custom/load-checks.js';
import type { FactContext } from './facts/fact-reader.js';
import { type DisabledSettings, enabledChecks } from './disabled-checks.js';
import { readFacts } from './facts/fact-book.js';
import { HostFiles } from './facts/host-files.js';

/** A check with what it came to. */
export interface Outcome {
  readonly check: Check;
  readonly verdict: Verdict;
}

export interface BaselineRun {
  readonly outcomes: readonly Outcome[];
  /** How many checks the twin switches off. */
  readonly disabled: number;
  /** What could not be seen, in sentences. */
  readonly limitations: readonly string[];
}

/** What is told where the file of custom checks cannot be used. */
const customFile: Check = {
  id: 'custom-checks',
  subject: 'custom',
  title: 'The file of checks of your own can be used',
  severity: 'Important',
  expected: 'a file of checks with the SHA-256 that the twin says',
  remedy: 'Correct the file or the settings baselineCustomChecks… of the twin.',
  needs: [],
  judge: () => pass,
};

interface RunOptions extends Pick<FactContext, 'host' | 'signal'> {
  /** Gives further checks, of a file on the device. */
  readonly custom?: (files: HostFiles) => Promise<CustomChecks>;
  /** What is not checked; absent: all is. */
  readonly off?: DisabledSettings;
}

/** Reads what the checks need, each fact once, and judges it. Rejects only when the signal is aborted. */
export async function runBaseline(
  ours: readonly Check[],
  { host, signal, custom, off }: RunOptions,
): Promise<BaselineRun> {
  const files = await HostFiles.open({ paths: host.paths, signal });
  const further = (await custom?.(files)) ?? { checks: [] };
  const all = 'checks' in further ? [...ours, ...further.checks] : ours;
  const none: DisabledSettings = { baselineChecksDisabled: null, baselineGroupsDisabled: null };
  const { checks, disabled, limitation } = enabledChecks(all, off ?? none);
  const limitations = [files.limitation, limitation].filter((each) => each !== undefined);
  const limit = (sentence: string): void => void limitations.push(sentence);
  const book = await readFacts(
    checks.flatMap(({ needs }) => needs),
    { host, files, signal, limit },
  );
  const outcomes = checks.map((check): Outcome => ({ check, verdict: evaluate(check, book) }));
  if ('problem' in further)
    outcomes.push({ check: customFile, verdict: error(further.problem.replace(/\.$/, '')) });
  return { outcomes, disabled, limitations };
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
