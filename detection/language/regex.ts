import { limits } from '../limits.js';
import { endsOf } from './ends.js';
import { RuleError } from './rule-error.js';
import { word } from './yaml-node.js';

/** Whether a text holds what the expression describes, anywhere. Time grows with the text and with nothing else. */
export type RegexTest = (text: string) => boolean;

export interface RegexFlags {
  readonly i: boolean;
  readonly m: boolean;
  readonly s: boolean;
}

/** @throws RuleError */
export type RegexCompiler = (source: string, flags: RegexFlags, line: number) => RegexTest;

/** Bytes that the automaton of one expression may keep; what it forgets it makes again. */
const automatonBytes = 64 * 1024;
const probes = 3;

/**
 * Expressions of RE2, which knows no back references and no look-around, and so never tries a text twice. Each is tried at
 * once on texts made against it: linear time is not yet little time.
 */
export async function loadRegexCompiler(): Promise<RegexCompiler> {
  const { RE2JS } = await import('re2js');

  function compiled(source: string, flags: RegexFlags, line: number) {
    const bits =
      (flags.i ? RE2JS.CASE_INSENSITIVE : 0) |
      (flags.m ? RE2JS.MULTILINE : 0) |
      (flags.s ? RE2JS.DOTALL : 0);
    try {
      return RE2JS.compile(source, bits);
    } catch {
      throw new RuleError(
        `Rewrite the regular expression ${word(source)}: it is none of RE2, which knows no look-around, no back references and no possessive repeats.`,
        line,
      );
    }
  }

  return (source, flags, line) => {
    if (source.length > limits.pattern)
      throw new RuleError(`Shorten the regular expression to ${limits.pattern} characters.`, line);
    const expression = compiled(source, flags, line);
    if (expression.programSize() > limits.regexProgram)
      throw new RuleError(
        `Simplify the regular expression ${word(source)}: with its repeats written out it has ${expression.programSize()} steps, and may have ${limits.regexProgram}.`,
        line,
      );
    const { dfa } = expression.re2();
    dfa.stateBudget = automatonBytes;
    dfa.memBudget = automatonBytes;
    const test: RegexTest = (text) => expression.test(endsOf(text, limits.regexText));
    for (const text of hostileTexts(source)) {
      if (quickest(test, text) > limits.regexProbeMs)
        throw new RuleError(
          `Simplify the regular expression ${word(source)}: it takes more than ${limits.regexProbeMs} ms on a text of ${limits.regexText} characters.`,
          line,
        );
    }
    return test;
  };
}

/** The best of a few tries, so that a busy machine does not refuse a rule. */
function quickest(test: RegexTest, text: string): number {
  let best = Infinity;
  for (let turn = 0; turn < probes && best > limits.regexProbeMs; turn++) {
    const began = performance.now();
    test(text);
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

/** Texts that keep many of its states alive: its own letters in all orders, and runs of each. */
function hostileTexts(source: string): readonly string[] {
  const letters = [...new Set(source.replace(/\\[a-zA-Z]|[[\]{}()|^$*+?.\\-]/g, ''))].slice(0, 24);
  const alphabet = [...letters, 'a', 'b', '0', ' ', '/'];
  let seed = 12_345;
  const next = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 16;
  const draw = (from: readonly string[]): string => {
    let text = '';
    while (text.length < limits.regexText) text += from[next() % from.length] ?? 'a';
    return text;
  };
  const runs = letters.slice(0, 3).map((letter) => letter.repeat(limits.regexText));
  const again = source.replace(/[\\^$]/g, '');
  return [
    draw(alphabet),
    draw(letters.length > 1 ? letters.slice(0, 2) : ['a', 'b']),
    // The last letters are in it, without which a search may end before it begins.
    `${draw(['a', 'b'])}${letters.slice(-8).join('')}`,
    again === '' ? 'a' : again.repeat(Math.ceil(limits.regexText / again.length)),
    ...runs,
  ];
}
