import type { Facts, Need } from '../facts/facts.js';
import { type FactBook, keyOfNeed } from '../facts/fact-book.js';

export type Severity = 'Critical' | 'Important' | 'Warning' | 'Informational';

/** The groups of the reference, in its order. */
export const subjects = {
  'file-systems': 'File systems',
  boot: 'Boot',
  kernel: 'Kernel',
  network: 'Network',
  services: 'Services and listeners',
  logging: 'Logging and time',
  ssh: 'SSH',
  authentication: 'Passwords and privileges',
  accounts: 'Accounts',
  permissions: 'Permissions of files',
  updates: 'Updates',
  debug: 'Debug interfaces',
  custom: 'Checks of your own',
} as const;
export type Subject = keyof typeof subjects;

/** Everything that is said of a check, once. */
export interface CheckText {
  /** Ours; never changes and is never used again for something else. */
  readonly id: string;
  readonly subject: Subject;
  /** What should hold, as one sentence without its full stop. */
  readonly title: string;
  readonly severity: Severity;
  /** What is to be found where all is well; completes "expected: …". */
  readonly expected: string;
  /** One sentence that a person can act on. */
  readonly remedy: string;
  /** Section of the CIS distribution independent Linux benchmark 2.0.0. */
  readonly section?: string;
  /** Of the retired agents' baseline, where this is one of its rules. */
  readonly cceId?: string;
  /** Of the retired agents' baseline or of its successor, where this is one of their rules. */
  readonly ruleId?: string;
}

/** What a check came to. Texts complete a sentence, without its full stop, and hold no secret. */
export type Verdict = (
  | { readonly result: 'pass' }
  | { readonly result: 'fail'; readonly found: string }
  | { readonly result: 'notApplicable'; readonly why: string }
  | { readonly result: 'error'; readonly why: string }
) & {
  /** When what was judged was looked at, wall clock, ms; absent: in this run. */
  readonly asOfMs?: number;
};

export const pass: Verdict = { result: 'pass' };
export const fail = (found: string): Verdict => ({ result: 'fail', found });
export const notApplicable = (why: string): Verdict => ({ result: 'notApplicable', why });
export const error = (why: string): Verdict => ({ result: 'error', why });

/** Fails with what was found, where something was. */
export function failIf(found: string | false | undefined): Verdict {
  return found === undefined || found === false || found === '' ? pass : fail(found);
}

export interface Check extends CheckText {
  readonly needs: readonly Need[];
  /** Pure: the facts of `needs`, in their order. */
  judge(facts: readonly unknown[]): Verdict;
}

interface Declaration<N extends readonly Need[]> extends CheckText {
  readonly needs: N;
  judge(...facts: Facts<N>): Verdict;
}

/** Declares a check. */
export function check<const N extends readonly Need[]>(declaration: Declaration<N>): Check {
  return { ...declaration, judge: (facts) => declaration.judge(...(facts as Facts<N>)) };
}

/** Judges what was read: an unreadable fact is an error, one that the device does not have makes the check not apply. */
export function evaluate(check: Check, book: FactBook): Verdict {
  const facts: unknown[] = [];
  let missing: string | undefined;
  for (const need of check.needs) {
    const reading = book.get(keyOfNeed(need));
    if (reading === undefined) return error(`${need} was not read`);
    if ('unreadable' in reading) return error(reading.unreadable);
    if ('value' in reading) facts.push(reading.value);
    else if (need.startsWith('?')) facts.push(undefined);
    else missing ??= reading.absent;
  }
  return missing === undefined ? check.judge(facts) : notApplicable(missing);
}

const mostListed = 10;

/** Things that were found, as `a, b and 3 more`. */
export function listed(things: readonly string[]): string {
  const shown = things.slice(0, mostListed).join(', ');
  return things.length <= mostListed ? shown : `${shown} and ${things.length - mostListed} more`;
}
