import { endsOf } from '../language/ends.js';
import { any, one, type Pattern } from '../language/pattern.js';
import { limits } from '../limits.js';
import { budgetSpent } from './budget.js';
import { indexOfBounded } from './search.js';

export type TextMatcher = (text: string) => boolean;

/**
 * Whether a text is what a pattern says, from its beginning to its end. The caller folds both where case is left out.
 * The matcher throws BudgetSpent.
 */
export function patternMatcher(pattern: Pattern): TextMatcher {
  if (pattern.includes(one)) return markMatcher(pattern);
  const plain = plainPattern(pattern);
  if (plain !== undefined) {
    const { literal, place } = plain;
    const matches = placed[place];
    return (text) => matches(text, literal);
  }
  const literals = pattern.filter((part) => typeof part === 'string');
  if (literals.length === 0) return pattern.length === 0 ? (text) => text === '' : () => true;
  return starMatcher(literals, pattern[0] === any, pattern.at(-1) === any);
}

/** A pattern that is one literal, with `*` at its ends or without. */
export interface PlainPattern {
  readonly literal: string;
  readonly place: 'whole' | 'start' | 'end' | 'anywhere';
}

/** Undefined of every other pattern. */
export function plainPattern(pattern: Pattern): PlainPattern | undefined {
  const isOpenBefore = pattern[0] === any;
  const isOpenAfter = pattern.length > 1 && pattern.at(-1) === any;
  const [literal, ...others] = pattern.slice(isOpenBefore ? 1 : 0, isOpenAfter ? -1 : undefined);
  if (typeof literal !== 'string' || others.length > 0) return undefined;
  const place = isOpenBefore ? (isOpenAfter ? 'anywhere' : 'end') : isOpenAfter ? 'start' : 'whole';
  return { literal, place };
}

/** How a text is looked at for the literal of a plain pattern. */
export const placed: Readonly<
  Record<PlainPattern['place'], (text: string, literal: string) => boolean>
> = {
  whole: (text, literal) => text === literal,
  start: (text, literal) => text.startsWith(literal),
  end: (text, literal) => text.endsWith(literal),
  anywhere: (text, literal) => indexOfBounded(text, literal, 0) >= 0,
};

/** Literals with `*` between them: each is looked for behind the one before; the first place is as good as any later. */
function starMatcher(
  literals: readonly string[],
  isOpenBefore: boolean,
  isOpenAfter: boolean,
): TextMatcher {
  const head = isOpenBefore ? '' : (literals[0] ?? '');
  const tail = isOpenAfter ? '' : (literals.at(-1) ?? '');
  const middle = literals.slice(isOpenBefore ? 0 : 1, isOpenAfter ? undefined : -1);
  return (text) => {
    if (text.length < head.length + tail.length) return false;
    if (!text.startsWith(head) || !text.endsWith(tail)) return false;
    let at = head.length;
    for (const literal of middle) {
      const found = indexOfBounded(text, literal, at);
      if (found < 0) return false;
      at = found + literal.length;
    }
    return at <= text.length - tail.length;
  };
}

const star = -1;
const mark = -2;

/**
 * With `?`: unit by unit, and back to the last `*` when it does not go on. That takes up to the product of both lengths, so
 * that only the ends of a long text are seen, and what is made to take long is given up.
 */
function markMatcher(pattern: Pattern): TextMatcher {
  const tokens = Int32Array.from(
    pattern.flatMap((part) => {
      if (typeof part === 'string')
        return Array.from({ length: part.length }, (_, at) => part.charCodeAt(at));
      return part === any ? [star] : [mark];
    }),
  );
  return (whole) => {
    const text = endsOf(whole, limits.regexText);
    let at = 0;
    let token = 0;
    let lastStar = -1;
    let resumeAt = 0;
    let steps = 0;
    while (at < text.length) {
      if (++steps > limits.markSteps) throw budgetSpent;
      const wanted = tokens[token];
      if (wanted === star) {
        lastStar = token++;
        resumeAt = at;
      } else if (wanted === mark) {
        at += isPair(text, at) ? 2 : 1;
        token++;
      } else if (wanted === text.charCodeAt(at)) {
        at++;
        token++;
      } else if (lastStar >= 0) {
        token = lastStar + 1;
        at = ++resumeAt;
      } else return false;
    }
    while (tokens[token] === star) token++;
    return token === tokens.length;
  };
}

/** A character beyond the first plane is two units, and one character to `?`. */
function isPair(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (code < 0xd800 || code > 0xdbff) return false;
  const next = text.charCodeAt(at + 1);
  return next >= 0xdc00 && next <= 0xdfff;
}
