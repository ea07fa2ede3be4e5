/** A word of a shell's command line and where it stands; without a value it is an operator that ends a command. */
export interface ShellWord {
  readonly start: number;
  readonly end: number;
  /** Without its quotes. */
  readonly value: string | undefined;
}

/**
 * Takes a command line apart as a shell would, roughly: words between blanks, quotes hold them together, `;`, `|`, `&`,
 * parentheses and line ends stand between commands. A quote that is never closed is an ordinary character. Reads each
 * character once or twice, whatever it is.
 */
export function* shellWords(text: string): Generator<ShellWord> {
  const closing = { "'": lastQuote(text, "'"), '"': lastQuote(text, '"') };
  let at = 0;
  while (at < text.length) {
    const first = text[at] ?? '';
    if (isOperator(first)) {
      yield { start: at, end: at + 1, value: undefined };
      at++;
      continue;
    }
    if (isBlank(first)) {
      at++;
      continue;
    }
    const start = at;
    let value = '';
    let plainFrom = at;
    while (at < text.length) {
      const character = text[at] ?? '';
      if (isBlank(character) || isOperator(character)) break;
      if ((character === "'" || character === '"') && at < closing[character]) {
        const end = text.indexOf(character, at + 1);
        value += text.slice(plainFrom, at) + text.slice(at + 1, end);
        at = plainFrom = end + 1;
      } else at++;
    }
    yield { start, end: at, value: value + text.slice(plainFrom, at) };
  }
}

/** Known beforehand, so that no quote is looked for to the end of the text in vain, again and again. */
function lastQuote(text: string, quote: string): number {
  return text.lastIndexOf(quote);
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\t';
}

function isOperator(character: string): boolean {
  return ';|&()\n\r'.includes(character);
}
