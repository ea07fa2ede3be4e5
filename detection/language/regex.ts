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

/**
 * Bytes that the automaton of one expression may keep; what it forgets it makes again. Most need a few KB; one that counts up
 * to a hundred needs more, and is slow without.
 */
const automatonBytes = { usual: 64 * 1024, large: 512 * 1024 } as const;
/** Expressions of one set, and those of them that keep more than usual. */
const most = { all: 400, large: 16 } as const;
const probes = 3;
/** Expressions of ours that are kept compiled, the last used: one takes some 40 KB, and most are never asked for. */
const mostCompiled = 256;

export interface RegexCompilers {
  /** Tries each expression at once on texts made against it, and refuses one that is slow. */
  readonly compile: RegexCompiler;
  /** For expressions that were tried when the agent was built: each is compiled when it is asked for first. */
  readonly compileLater: RegexCompiler;
}

/**
 * Expressions of RE2, which knows no back references and no look-around, and so never tries a text twice. Those of others are
 * tried at once: linear time is not yet little time.
 * @returns makes the compilers for one set of rules
 */
export async function loadRegexCompilers(): Promise<() => RegexCompilers> {
  const { RE2JS } = await import('re2js');

  function compiled(source: string, flags: RegexFlags, line: number) {
    const bits =
      (flags.i ? RE2JS.CASE_INSENSITIVE : 0) |
      (flags.m ? RE2JS.MULTILINE : 0) |
      (flags.s ? RE2JS.DOTALL : 0);
    try {
      const expression = RE2JS.compile(source, bits);
      expression.re2().dfa.stateBudget = automatonBytes.usual;
      return expression;
    } catch {
      throw new RuleError(
        `Rewrite the regular expression ${word(source)}: it is none of RE2, which knows no look-around, no back references and no possessive repeats.`,
        line,
      );
    }
  }

  type Expression = ReturnType<typeof compiled>;
  const testOf =
    (expression: Expression): RegexTest =>
    (text) =>
      expression.test(endsOf(text, limits.regexText));

  /** Whether it is quick on texts made against it when its automaton may have so much room. */
  function isQuick(expression: Expression, source: string, bytes: number): boolean {
    const { dfa } = expression.re2();
    dfa.stateBudget = bytes;
    dfa.clearCache();
    const test = testOf(expression);
    const is = hostileTexts(source).every((text) => quickest(test, text) <= limits.regexProbeMs);
    dfa.clearCache();
    return is;
  }

  function trying(): RegexCompiler {
    const count = { all: 0, large: 0 };
    return (source, flags, line) => {
      if (source.length > limits.pattern)
        throw new RuleError(
          `Shorten the regular expression to ${limits.pattern} characters.`,
          line,
        );
      if (count.all >= most.all)
        throw new RuleError(
          `Use fewer regular expressions: ${most.all} are used, and this is one more.`,
          line,
        );
      const expression = compiled(source, flags, line);
      if (expression.programSize() > limits.regexProgram)
        throw new RuleError(
          `Simplify the regular expression ${word(source)}: with its repeats written out it has ${expression.programSize()} steps, and may have ${limits.regexProgram}.`,
          line,
        );
      count.all++;
      if (isQuick(expression, source, automatonBytes.usual)) return testOf(expression);
      const mayBeLarge = count.large < most.large;
      if (mayBeLarge && isQuick(expression, source, automatonBytes.large)) {
        count.large++;
        return testOf(expression);
      }
      throw new RuleError(
        mayBeLarge
          ? `Simplify the regular expression ${word(source)}: it takes more than ${limits.regexProbeMs} ms on a text of ${limits.regexText} characters.`
          : `Simplify the regular expression ${word(source)}: ${most.large} others already need so much room.`,
        line,
      );
    };
  }

  /** What was tried can be compiled; a file that somebody damaged since then shall end no judgement. */
  function testOrNever(...written: Parameters<RegexCompiler>): RegexTest {
    try {
      return testOf(compiled(...written));
    } catch {
      return () => false;
    }
  }

  function later(): RegexCompiler {
    const kept = new Map<object, RegexTest>();
    return (source, flags, line) => {
      const key = {};
      return (text) => {
        const test = kept.get(key) ?? testOrNever(source, flags, line);
        kept.delete(key);
        kept.set(key, test);
        for (const oldest of kept.keys()) {
          if (kept.size <= mostCompiled) break;
          kept.delete(oldest);
        }
        return test(text);
      };
    };
  }

  return () => ({ compile: trying(), compileLater: later() });
}

/** Milliseconds of the processor beyond which one try is enough: no busy machine makes so much of so little. */
const surelySlowMs = 8 * limits.regexProbeMs;

/** The best of a few tries, so that a busy machine does not refuse a rule. */
function quickest(test: RegexTest, text: string): number {
  let best = Infinity;
  for (let turn = 0; turn < probes && best > limits.regexProbeMs; turn++) {
    const before = process.cpuUsage();
    const began = performance.now();
    test(text);
    best = Math.min(best, performance.now() - began);
    const { system, user } = process.cpuUsage(before);
    if ((system + user) / 1000 > surelySlowMs) break;
  }
  return best;
}

/** Units of a drawn text, which is then repeated: drawing costs more than searching. */
const drawn = 1024;

/** Texts that keep many of its states alive: its own letters in all orders, and runs of each. */
function hostileTexts(source: string): readonly string[] {
  const letters = [...new Set(source.replace(/\\[a-zA-Z]|[[\]{}()|^$*+?.\\-]/g, ''))].slice(0, 24);
  const alphabet = [...letters, 'a', 'b', '0', ' ', '/'];
  let seed = 12_345;
  const next = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 16;
  const draw = (from: readonly string[]): string => {
    let text = '';
    while (text.length < drawn) text += from[next() % from.length] ?? 'a';
    return text.repeat(limits.regexText / drawn);
  };
  const runs = letters.slice(0, 2).map((letter) => letter.repeat(limits.regexText));
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
