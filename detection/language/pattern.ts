/** `*`: any text, also none. */
export const any = 0;
/** `?`: one character. */
export const one = 1;

/** A value of the rule language: literal texts, never empty and never side by side, between wildcards. */
export type Pattern = readonly (string | typeof any | typeof one)[];

/**
 * Reads a value as Sigma writes it: `*` and `?` are wildcards, and a backslash takes the meaning from either of them and from
 * a backslash; before anything else it stands for itself.
 */
export function patternOf(raw: string): Pattern {
  const parts: (string | typeof any | typeof one)[] = [];
  let literal = '';
  const flush = (): void => {
    if (literal !== '') parts.push(literal);
    literal = '';
  };
  for (let at = 0; at < raw.length; at++) {
    const unit = raw.charAt(at);
    const next = raw.charAt(at + 1);
    if (unit === '\\' && (next === '\\' || next === '*' || next === '?')) {
      literal += next;
      at++;
    } else if (unit === '*' || unit === '?') {
      flush();
      const wildcard = unit === '*' ? any : one;
      // Two stars say no more than one.
      if (wildcard === one || parts.at(-1) !== any) parts.push(wildcard);
    } else literal += unit;
  }
  flush();
  return parts;
}

export const literalPattern = (text: string): Pattern => (text === '' ? [] : [text]);

/** The text of a pattern without wildcards; undefined of one that has some. */
export function literalOf(pattern: Pattern): string | undefined {
  if (pattern.length === 0) return '';
  const [only] = pattern;
  return pattern.length === 1 && typeof only === 'string' ? only : undefined;
}

/** Units of its literal texts and wildcards. */
export const lengthOf = (pattern: Pattern): number =>
  pattern.reduce<number>((sum, part) => sum + (typeof part === 'string' ? part.length : 1), 0);

export const withAnyBefore = (pattern: Pattern): Pattern =>
  pattern[0] === any ? pattern : [any, ...pattern];

export const withAnyAfter = (pattern: Pattern): Pattern =>
  pattern.at(-1) === any ? pattern : [...pattern, any];

/** As it would be written, for explanations. */
export function writtenPattern(pattern: Pattern): string {
  return pattern
    .map((part) => {
      if (part === any) return '*';
      if (part === one) return '?';
      return part.replace(/[*?]|\\(?=[\\*?]|$)/g, '\\$&');
    })
    .join('');
}
