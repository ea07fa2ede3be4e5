import { limits } from '../limits.js';
import type { Expression } from './expression.js';
import { RuleError } from './rule-error.js';
import { word } from './yaml-node.js';

/** What a condition may name. */
export interface ConditionNames {
  readonly names: readonly string[];
  /** How the sentences call them: "detection". */
  readonly noun: string;
  expressionOf(name: string): Expression;
}

/**
 * Reads `selection and not 1 of filter_*`. Binding, from the loosest: or, and, not, `of`, parentheses.
 * @throws RuleError
 */
export function parseCondition(text: string, line: number, names: ConditionNames): Expression {
  return new ConditionParser(text, line, names).parse();
}

const tokenShape = /\s*([()|]|[^\s()|]+)/y;
const longest = 8 * 1024;

class ConditionParser {
  readonly #tokens: readonly string[];
  readonly #line: number;
  readonly #names: ConditionNames;
  #at = 0;
  #nodes = 0;

  constructor(text: string, line: number, names: ConditionNames) {
    if (text.length > longest)
      throw new RuleError(`Shorten the condition to ${longest} characters.`, line);
    this.#line = line;
    this.#names = names;
    this.#tokens = tokensOf(text.trimEnd());
    if (this.#tokens.includes('|'))
      throw new RuleError(
        'Replace what stands behind | in the condition by a document with correlation: (event_count, value_count, temporal): such aggregations were taken out of the language.',
        line,
      );
    if (this.#tokens.some((token) => isWord(token, 'near')) && !names.names.includes('near'))
      throw new RuleError(
        'Replace near in the condition by a document with correlation: and type: temporal.',
        line,
      );
  }

  parse(): Expression {
    const expression = this.#or(0);
    const rest = this.#tokens[this.#at];
    if (rest === undefined) return expression;
    throw new RuleError(`Put and, or or an end before ${word(rest)} in the condition.`, this.#line);
  }

  #or(depth: number): Expression {
    return this.#chain('or', depth, () => this.#chain('and', depth, () => this.#not(depth)));
  }

  #chain(kind: 'and' | 'or', depth: number, operand: () => Expression): Expression {
    if (depth > limits.depth)
      throw new RuleError(`Nest the condition at most ${limits.depth} deep.`, this.#line);
    const first = operand();
    const parts = [first];
    while (isWord(this.#tokens[this.#at], kind)) {
      this.#at++;
      parts.push(operand());
    }
    return parts.length === 1 ? first : { kind, parts };
  }

  #not(depth: number): Expression {
    let isNegated = false;
    while (isWord(this.#tokens[this.#at], 'not')) {
      this.#at++;
      isNegated = !isNegated;
    }
    const part = this.#operand(depth);
    return isNegated ? { kind: 'not', part } : part;
  }

  #operand(depth: number): Expression {
    const token = this.#next();
    if (token === '(') {
      const inner = this.#or(depth + 1);
      if (this.#next() !== ')') throw new RuleError('Close the parenthesis.', this.#line);
      return inner;
    }
    if (isWord(this.#tokens[this.#at], 'of') && /^(?:any|all|\d{1,4})$/i.test(token)) {
      this.#at++;
      return this.#quantified(token.toLowerCase(), this.#next());
    }
    if (token === ')' || ['and', 'or', 'of'].includes(token.toLowerCase()))
      throw new RuleError(`Put a ${this.#names.noun} before ${word(token)}.`, this.#line);
    if (!this.#names.names.includes(token))
      throw new RuleError(
        `Define ${word(token)}, which the condition names: there is no such ${this.#names.noun}.`,
        this.#line,
      );
    return this.#named(token);
  }

  #quantified(quantity: string, pattern: string): Expression {
    const matches = matcherOf(pattern);
    const names = this.#names.names.filter(matches);
    if (names.length === 0)
      throw new RuleError(
        `Correct ${word(`${quantity} of ${pattern}`)}: no ${this.#names.noun} has such a name.`,
        this.#line,
      );
    const parts = names.map((name) => this.#named(name));
    if (quantity === 'all') return { kind: 'and', parts };
    const least = quantity === 'any' ? 1 : Number(quantity);
    if (least === 1) return { kind: 'or', parts };
    if (least < 1 || least > parts.length)
      throw new RuleError(
        `Correct ${word(`${quantity} of ${pattern}`)}: ${parts.length} have such a name.`,
        this.#line,
      );
    return { kind: 'atLeast', least, parts };
  }

  #named(name: string): Expression {
    this.#grow();
    return { kind: 'named', name, part: this.#names.expressionOf(name) };
  }

  #grow(): void {
    if (++this.#nodes > limits.conditionNodes)
      throw new RuleError('Split the condition: written out it is too long.', this.#line);
  }

  #next(): string {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new RuleError('Complete the condition.', this.#line);
    return token;
  }
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  tokenShape.lastIndex = 0;
  while (tokenShape.lastIndex < text.length) {
    const found = tokenShape.exec(text);
    if (found?.[1] === undefined) break;
    tokens.push(found[1]);
  }
  return tokens;
}

const isWord = (token: string | undefined, is: string): boolean => token?.toLowerCase() === is;

/** Names that begin with `_` are meant for the condition's own use: only a pattern that begins so takes them. */
function matcherOf(pattern: string): (name: string) => boolean {
  const shown = (name: string): boolean => pattern.startsWith('_') || !name.startsWith('_');
  if (pattern.toLowerCase() === 'them') return shown;
  const segments = pattern.split('*');
  return (name) => shown(name) && matchesSegments(name, segments);
}

function matchesSegments(name: string, segments: readonly string[]): boolean {
  const [head = '', ...rest] = segments;
  const tail = rest.pop();
  if (tail === undefined) return name === head;
  if (!name.startsWith(head) || name.length < head.length + tail.length) return false;
  let at = head.length;
  for (const segment of rest) {
    const found = name.indexOf(segment, at);
    if (found < 0) return false;
    at = found + segment.length;
  }
  return name.endsWith(tail) && name.length - tail.length >= at;
}
