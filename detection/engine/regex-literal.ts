import { fold } from '../language/fold.js';

/** Folded texts of which one stands in the folding of every text in which the expression is found. */
type OneOf = readonly string[];

/** What is known of a part of an expression. */
interface Known {
  /** All that it matches, folded; undefined where that is not a short list. */
  readonly exact?: OneOf | undefined;
  readonly needs?: OneOf | undefined;
}

/** A shorter text stands in almost every other. */
const shortest = 2;
const mostExact = 32;
const mostNeeded = 64;
const unknown: Known = {};
const nothing: Known = { exact: [''] };

/**
 * Texts of which one must be there for the expression to be found; undefined where none can be told. Of several such lists
 * the one that fewest texts will have. Classes, and letters beyond ASCII, which have more than two forms, tell nothing.
 */
export function literalsInRegex(source: string): OneOf | undefined {
  // The flag for the whole changes nothing, because all is folded.
  const body = source.replace(/^\(\?i\)/, '');
  // Flags that change within, and what is quoted, are left alone.
  if (/\(\?[a-zA-Z-]*[):]/.test(body.replaceAll('(?:', '')) || body.includes('\\Q'))
    return undefined;
  const reader = new Reader(body);
  const known = reader.alternatives();
  return reader.isUnderstood ? rarest([known.needs, usable(known.exact)]) : undefined;
}

/** Reads an expression that RE2 takes; of whatever else it is not `isUnderstood`. */
class Reader {
  #at = 0;
  #lacksEnd = false;
  constructor(private readonly body: string) {}

  get isUnderstood(): boolean {
    return this.#isAtEnd && !this.#lacksEnd;
  }

  get #isAtEnd(): boolean {
    return this.#at >= this.body.length;
  }

  alternatives(): Known {
    const all = [this.#sequence()];
    while (this.#takes('|')) all.push(this.#sequence());
    if (all.length === 1) return all[0] ?? unknown;
    return {
      exact: union(
        all.map(({ exact }) => exact),
        mostExact,
      ),
      needs: union(
        all.map(({ exact, needs }) => rarest([needs, usable(exact)])),
        mostNeeded,
      ),
    };
  }

  #sequence(): Known {
    let run: OneOf = [''];
    let isExact = true;
    let needs: OneOf | undefined;
    while (!this.#isAtEnd && !this.#sees('|') && !this.#sees(')')) {
      const part = this.#repeated(this.#atom());
      const longer = part.exact === undefined ? undefined : product(run, part.exact);
      if (longer === undefined) {
        needs = rarest([needs, usable(run)]);
        isExact = false;
        run = part.exact ?? [''];
      } else run = longer;
      needs = rarest([needs, part.needs]);
    }
    return { exact: isExact ? run : undefined, needs: rarest([needs, usable(run)]) };
  }

  #repeated(part: Known): Known {
    const [all, least] = /^(?:\*|\+|\?|\{(\d+)(?:,\d*)?\})/.exec(this.body.slice(this.#at)) ?? [];
    if (all === undefined) return part;
    this.#at += all.length;
    this.#takes('?');
    const isOptional = all === '*' || all === '?' || Number(least) === 0;
    if (all === '?') return { exact: union([[''], part.exact], mostExact) };
    return isOptional ? unknown : { needs: rarest([part.needs, usable(part.exact)]) };
  }

  #atom(): Known {
    const unit = this.body.charAt(this.#at++);
    switch (unit) {
      case '(': {
        const [opening = ''] = /^\?(?::|P?<\w+>)/.exec(this.body.slice(this.#at)) ?? [];
        this.#at += opening.length;
        const inner = this.alternatives();
        if (!this.#takes(')')) this.#lacksEnd = true;
        return inner;
      }
      case '[':
        this.#skipClass();
        return unknown;
      case '\\':
        return this.#escaped();
      case '^':
      case '$':
        return nothing;
      case '.':
        return unknown;
      default:
        return unit > '\u007f' ? unknown : { exact: [fold(unit)] };
    }
  }

  #escaped(): Known {
    const unit = this.body.charAt(this.#at++);
    if (/[bBAz]/.test(unit)) return nothing;
    if (!/[a-zA-Z0-9]/.test(unit)) return unit > '\u007f' ? unknown : { exact: [fold(unit)] };
    // `\x41`, `\x{41}`, `\p{L}`, `\pL`, `\012` and the like.
    const rest = this.body.slice(this.#at - 1);
    const [all = unit] = /^(?:[pPx]\{[^}]*\}|[pP].|x[0-9a-fA-F]{2}|[0-7]{1,3})/.exec(rest) ?? [];
    this.#at += all.length - 1;
    return unknown;
  }

  #skipClass(): void {
    const { body } = this;
    if (this.#sees('^')) this.#at++;
    // A bracket that comes first stands for itself.
    if (this.#sees(']')) this.#at++;
    for (; this.#at < body.length; this.#at++) {
      const unit = body.charAt(this.#at);
      if (unit === '\\') this.#at++;
      else if (unit === '[' && body.charAt(this.#at + 1) === ':')
        this.#at = Math.max(this.#at, body.indexOf(':]', this.#at) + 1);
      else if (unit === ']') break;
    }
    this.#at++;
  }

  #sees(unit: string): boolean {
    return this.body.charAt(this.#at) === unit;
  }

  #takes(unit: string): boolean {
    if (!this.#sees(unit)) return false;
    this.#at++;
    return true;
  }
}

/** Each of the one before each of the other; undefined where those are too many. */
function product(before: OneOf, after: OneOf): OneOf | undefined {
  if (before.length * after.length > mostExact) return undefined;
  return [...new Set(before.flatMap((start) => after.map((end) => start + end)))];
}

/** One of any of the lists; undefined where nothing is known of one of them. */
function union(lists: readonly (OneOf | undefined)[], most: number): OneOf | undefined {
  const all = new Set<string>();
  for (const list of lists) {
    if (list === undefined) return undefined;
    for (const text of list) all.add(text);
  }
  return all.size > most ? undefined : [...all];
}

const usable = (list: OneOf | undefined): OneOf | undefined =>
  list?.every(({ length }) => length >= shortest) === true ? list : undefined;

function rarest(lists: readonly (OneOf | undefined)[]): OneOf | undefined {
  let best: OneOf | undefined;
  for (const list of lists)
    if (list !== undefined && (best === undefined || share(list) < share(best))) best = list;
  return best;
}

/** A guess at the share of texts that have one of them, only good for comparing. */
export const share = (literals: OneOf): number =>
  literals.reduce((sum, { length }) => sum + 3 ** -length, 0);
