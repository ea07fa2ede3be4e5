import { isReference, isSecretValue, type NameKind, secretNameKind } from './secret-names.js';
import type { Span } from './spans.js';

/**
 * What a text is, as far as it says where a value ends:
 * - `argument`: one that begins with a name gives all the rest to it, as in `--password=a,b;c`;
 * - `list`: `user=a,password=b`, as behind `-o`;
 * - `form`: `password=a&user=b`, as behind `--data`;
 * - `script`: a command line or a program, where a value ends with its word.
 */
export type TextKind = 'argument' | 'list' | 'form' | 'script';

const longestName = 96;
const longestGap = 8;
const nameCharacter = /[\w.[\]$-]/;
/** The start of a connection string: a field that tells nothing, and one more. */
const connectionString = /^["']?[\w .-]{1,64}=[^;]*;/;
/** An image, a package or an address has a colon, too: `registry/token:latest`. */
const version = /^(?:latest|stable|edge|alpine|main|v?\d+(?:\.\d+)*(?:-[\w.]+)?)$/;

const ends = {
  argument: /$(?!)/g,
  comma: /,/g,
  query: /[&#\s"']/g,
  form: /&/g,
  semicolon: /;/g,
  blank: /\s/g,
  flow: /[\s"'&;,}\]]/g,
  plain: /[\s"'&;,]/g,
  script: /[\s"'&;,|)`]/g,
};

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t' || character === '\n' || character === '\r';
}

function isQuote(character: string | undefined): boolean {
  return character === '"' || character === "'";
}

/**
 * The values of all names of secrets that the text gives one: `password=x`, `"token": "x"`, `?sig=x`. Linear: it looks
 * back from each `=` and `:` over a bounded name, and values do not overlap.
 *
 * @param secretNames further names of secrets
 */
export function fieldSpans(
  text: string,
  kind: TextKind,
  spans: Span[],
  secretNames?: RegExp,
): void {
  const isConnectionString = kind !== 'script' && connectionString.test(text);
  const hasBlank = /\s/.test(text);
  const context: Context = { kind, isConnectionString, hasBlank, known: new Map() };
  const separator = /[=:]/g;
  for (let found = separator.exec(text); found !== null; found = separator.exec(text)) {
    const at = found.index;
    const name = nameBefore(text, at);
    if (name === undefined || isPathAndMore(text, at, name)) continue;
    const nameKind =
      secretNames?.test(name.text) === true
        ? 'number'
        : (secretNameKind(name.text) ?? queryKind(text, name));
    if (nameKind === undefined) continue;
    const value = valueAfter(text, at, name, context);
    if (value === undefined) continue;
    const { start, end } = value;
    const shown = text.slice(start, Math.min(end, start + 512));
    if (!isSecretValue(nameKind, end - start > 512 ? shown : text.slice(start, end))) continue;
    if (kind === 'script' && text[start - 1] !== "'" && isReference(shown)) continue;
    spans.push({ start, end });
    separator.lastIndex = Math.max(at + 1, end);
  }
}

/** In the query of an address, these carry the key of a cloud function or of a web service: `?code=dGhlIGtleQ==`. */
function queryKind(text: string, { text: name, start }: Name): NameKind | undefined {
  const before = text[start - 1];
  return (before === '?' || before === '&') && /^(?:code|app_?id)$/i.test(name)
    ? 'random'
    : undefined;
}

/** `/etc/secrets:ro`: what stands before the colon is the end of a path and names nothing. */
function isPathAndMore(text: string, at: number, { start, quoted }: Name): boolean {
  if (text[at] !== ':' || quoted || isBlank(text[at + 1])) return false;
  return text[start - 1] === '/' && /[\w.~]/.test(text[start - 2] ?? '');
}

interface Name {
  readonly text: string;
  readonly start: number;
  /** Blanks stand between the name and the separator. */
  readonly apart: boolean;
  readonly quoted: boolean;
}

interface Context {
  readonly kind: TextKind;
  readonly isConnectionString: boolean;
  readonly hasBlank: boolean;
  /** The next place of each delimiter, as far as it was looked for. */
  readonly known: Map<RegExp, number>;
}

/** An `@` belongs to a name as in `wireless.@wifi-iface[0].key` only; elsewhere an address stands before it. */
function isNameAt(text: string, at: number): boolean {
  const character = text[at] ?? '';
  return nameCharacter.test(character) || (character === '@' && text[at - 1] === '.');
}

function nameBefore(text: string, at: number): Name | undefined {
  let end = at;
  if (text[at] === '=' && text[end - 1] === ':') end--;
  while (end > 0 && at - end < longestGap && isBlank(text[end - 1])) end--;
  const apart = end < at && isBlank(text[end]);
  const quoted = isQuote(text[end - 1]);
  if (quoted) end -= text[end - 2] === '\\' ? 2 : 1;
  let start = end;
  while (start > 0 && end - start < longestName && isNameAt(text, start - 1)) start--;
  return end - start < 3 && !/^pw$/i.test(text.slice(start, end))
    ? undefined
    : { text: text.slice(start, end), start, apart, quoted };
}

function valueAfter(text: string, at: number, name: Name, context: Context): Span | undefined {
  const { kind } = context;
  const next = text[at + 1];
  const isWhole = kind !== 'script' && isStart(text, name.start);
  if (next === undefined || (next === '=' && !(isWhole && text[at] === '='))) return undefined;
  if (text[at] === ':' && (next === '/' || next === ':')) return undefined;
  let start = at + 1;
  while (start - at <= longestGap && isBlank(text[start])) start++;
  const gap = start > at + 1;
  // `PASSWORD= command` gives the variable nothing.
  if (gap && text[at] === '=' && !name.apart && !name.quoted && kind === 'script') return undefined;
  const escaped = text[start] === '\\' && isQuote(text[start + 1]);
  const quote = escaped ? text[start + 1] : text[start];
  if (isWhole && kind === 'argument') {
    if (isQuote(quote) && !escaped && !name.quoted) {
      const closed = text.length > start + 1 && text.endsWith(quote ?? '');
      return { start: start + 1, end: closed ? text.length - 1 : text.length };
    }
    if (!name.quoted) return { start, end: afterPlainColon(text, at, start, text.length, gap) };
  }
  // The quote in `"Password:"` ends what began before the name.
  if (text[at] === ':' && !name.quoted && !gap && quote === text[name.start - 1]) return undefined;
  if (isQuote(quote)) return quotedValue(text, escaped ? start + 1 : start, quote ?? '', escaped);
  const end = endOf(text, start, delimiterOf(text, name, isWhole, context), context.known);
  return end > start ? { start, end: afterPlainColon(text, at, start, end, gap) } : undefined;
}

/** Of `token:latest` nothing is a value. */
function afterPlainColon(
  text: string,
  at: number,
  start: number,
  end: number,
  gap: boolean,
): number {
  if (text[at] !== ':' || gap || end - start > 32) return end;
  return version.test(text.slice(start, end)) ? start : end;
}

/** Whether a name at this place is the first thing in the text, apart from a quote, dashes or the slash of `/p:`. */
function isStart(text: string, nameStart: number): boolean {
  return nameStart === 0 || /^["'+/-]{1,3}$/.test(nameStart > 3 ? 'x' : text.slice(0, nameStart));
}

function quotedValue(
  text: string,
  open: number,
  quote: string,
  escaped: boolean,
): Span | undefined {
  let end = text.indexOf(quote, open + 1);
  if (!escaped && quote === '"') {
    while (end > 0 && isEscaped(text, end, open)) end = text.indexOf(quote, end + 1);
  }
  if (end < 0) end = text.length;
  return end > open + 1 ? { start: open + 1, end } : undefined;
}

function isEscaped(text: string, at: number, from: number): boolean {
  let backslashes = 0;
  while (at - 1 - backslashes > from && text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

function delimiterOf(
  text: string,
  name: Name,
  isWhole: boolean,
  { kind, isConnectionString, hasBlank }: Context,
): RegExp {
  if (kind === 'script') return ends.script;
  const before = text[name.start - 1];
  if (isWhole) return kind === 'list' ? ends.comma : kind === 'form' ? ends.form : ends.plain;
  if (before === '&' && kind === 'form') return ends.form;
  if (before === '?' || before === '&') return ends.query;
  if (before === '{' || before === '[') return ends.flow;
  let at = name.start;
  while (at > 0 && name.start - at <= longestGap && isBlank(text[at - 1])) at--;
  if (isConnectionString && text[at - 1] === ';') return ends.semicolon;
  if (before === ',' && !hasBlank) return ends.comma;
  return at < name.start && text[at - 1] !== ';' ? ends.blank : ends.plain;
}

/** Where the next delimiter is; remembered, so that many values before a far one do not look for it each. */
function endOf(text: string, start: number, delimiter: RegExp, known: Map<RegExp, number>): number {
  const before = known.get(delimiter);
  if (before !== undefined && before >= start) return before;
  delimiter.lastIndex = start;
  const end = delimiter.exec(text)?.index ?? text.length;
  known.set(delimiter, end);
  return end;
}
