import { fold } from '../language/fold.js';

const shortest = 2;

/**
 * A folded text that stands in the folding of every text in which the expression is found; undefined where none can be told.
 * It is the longest run of plain characters that is in no group, no class and no alternative, and is not repeated away.
 * With the flag `i` only of ASCII: other letters have more than two forms.
 */
export function literalInRegex(source: string): string | undefined {
  const [flags = ''] = /^\(\?[a-z]+\)/.exec(source) ?? [];
  const ignoresCase = flags.includes('i');
  const body = source.slice(flags.length);
  // What is verbose or quoted is left alone.
  if (/\(\?[a-zA-Z-]*[)]|\\Q/.test(body)) return undefined;
  let best = '';
  let run = '';
  const end = (): void => {
    if (run.length > best.length) best = run;
    run = '';
  };
  let depth = 0;
  for (let at = 0; at < body.length; at++) {
    const unit = body.charAt(at);
    if (unit === '[') {
      end();
      at = endOfClass(body, at);
    } else if (unit === '\\') {
      const next = body.charAt(++at);
      if (/[a-zA-Z0-9]/.test(next) || next === '') {
        end();
        at = endOfEscape(body, at);
      } else if (depth === 0) run += next;
    } else if (unit === '(') {
      end();
      depth++;
    } else if (unit === ')') {
      end();
      depth--;
    } else if (unit === '|') {
      if (depth === 0) return undefined;
    } else if (unit === '*' || unit === '?' || unit === '{') {
      // The character before may be missing.
      run = run.slice(0, -1);
      end();
      if (unit === '{') at += (/^\{\d*,?\d*\}/.exec(body.slice(at))?.[0].length ?? 1) - 1;
    } else if (unit === '+' || unit === '.' || unit === '^' || unit === '$') {
      end();
    } else if (depth === 0) {
      if (unit > '\u007f') end();
      else run += unit;
    }
  }
  end();
  if (ignoresCase && !/^[\x20-\x7e]*$/.test(best)) return undefined;
  return best.length < shortest ? undefined : fold(best);
}

function endOfClass(body: string, start: number): number {
  let at = start + 1;
  if (body.charAt(at) === '^') at++;
  // A bracket that comes first stands for itself.
  if (body.charAt(at) === ']') at++;
  for (; at < body.length; at++) {
    const unit = body.charAt(at);
    if (unit === '\\') at++;
    else if (unit === '[' && body.charAt(at + 1) === ':')
      at = Math.max(at, body.indexOf(':]', at) + 1);
    else if (unit === ']') return at;
  }
  return at;
}

/** `\x41`, `\x{41}`, `\p{L}`, `\pL`, `\012` and the like. */
function endOfEscape(body: string, at: number): number {
  const rest = body.slice(at);
  const found = /^(?:[pPx]\{[^}]*\}|[pP].|x[0-9a-fA-F]{2}|[0-7]{1,3})/.exec(rest);
  return found === null ? at : at + found[0].length - 1;
}
