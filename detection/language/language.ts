import { limits } from '../limits.js';
import type { RuleValues } from './placeholders.js';
import type { RegexCompiler } from './regex.js';
import { RuleError } from './rule-error.js';

/** What the documents of one rule are read with. */
export interface Language {
  readonly values: RuleValues;
  readonly regex: RegexCompiler;
  /** Counts the values of the rule. @throws RuleError when there are too many */
  count(values: number, line: number): void;
}

/** A fresh count for one document. */
export function languageOf(values: RuleValues, regex: RegexCompiler): Language {
  let sum = 0;
  return {
    values,
    regex,
    count(counted, line) {
      sum += counted;
      if (sum > limits.valuesOfRule)
        throw new RuleError(
          `Split the rule: it has more than ${limits.valuesOfRule} values.`,
          line,
        );
    },
  };
}
