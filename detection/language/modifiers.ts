import { limits } from '../limits.js';
import { base64Offsets, dashForms, utf16, utf16be, utf16le } from './encodings.js';
import type { Comparison, Expression, Position, TimePart, ValueTest } from './expression.js';
import type { Language } from './language.js';
import { networkOf } from './network.js';
import {
  lengthOf,
  literalOf,
  literalPattern,
  type Pattern,
  patternOf,
  withAnyAfter,
  withAnyBefore,
} from './pattern.js';
import { expandPlaceholders } from './placeholders.js';
import { RuleError } from './rule-error.js';
import { word, type YamlNode, type YamlScalar } from './yaml-node.js';

const places = { contains: 'anywhere', startswith: 'start', endswith: 'end' } as const;
const encodings = {
  base64: (bytes: Buffer) => [Buffer.from(bytes.toString('base64'))],
  base64offset: (bytes: Buffer) => base64Offsets(bytes).map((text) => Buffer.from(text)),
  utf16le: (bytes: Buffer) => [utf16le(bytes)],
  wide: (bytes: Buffer) => [utf16le(bytes)],
  utf16be: (bytes: Buffer) => [utf16be(bytes)],
  utf16: (bytes: Buffer) => [utf16(bytes)],
} as const;
type Encoding = keyof typeof encodings;
const isEncoding = (modifier: string): modifier is Encoding => Object.hasOwn(encodings, modifier);
const timeParts: readonly TimePart[] = ['minute', 'hour', 'day', 'week', 'month', 'year'];
const comparisons: readonly Comparison[] = ['lt', 'lte', 'gt', 'gte'];
/** What the rest of a chain makes of values, which is one of these. */
const types = ['re', 'cidr', 'fieldref', 'exists', ...comparisons, ...timeParts] as const;
const others = ['all', 'cased', 'neq', 'windash', 'expand', 'i', 'm', 's'] as const;
const known: ReadonlySet<string> = new Set([
  ...Object.keys(places),
  ...Object.keys(encodings),
  ...types,
  ...others,
]);

/** A key of a detection, `Field|modifier|modifier`, taken apart. */
interface Key {
  /** Undefined: the whole event is searched. */
  readonly field: string | undefined;
  readonly chain: readonly string[];
  readonly line: number;
  readonly has: (modifier: string) => boolean;
}

function keyOf(written: string, line: number): Key {
  const [name = '', ...chain] = written.split('|');
  if (name.length > 128) throw new RuleError('Name a field of at most 128 characters.', line);
  const unknown = chain.find((modifier) => !known.has(modifier));
  if (unknown !== undefined)
    throw new RuleError(`Correct ${word(written)}: there is no modifier ${word(unknown)}.`, line);
  if (new Set(chain).size < chain.length)
    throw new RuleError(`Write every modifier of ${word(written)} once.`, line);
  const has = (modifier: string): boolean => chain.includes(modifier);
  const key: Key = { field: name === '' ? undefined : name, chain, line, has };
  refuseCombination(key, written);
  return key;
}

/** What the specification does not let stand together, because it has no meaning. */
function refuseCombination({ chain, has, line }: Key, written: string): void {
  const refuse = (why: string): never => {
    throw new RuleError(`Correct ${word(written)}: ${why}.`, line);
  };
  const kinds = types.filter(has);
  const isTime = timeParts.some(has);
  const compared = comparisons.filter(has);
  if (kinds.length - compared.length > 1 || compared.length > 1)
    refuse(`${kinds.join(' and ')} do not go together`);
  if (compared.length === 1 && kinds.length > 1 && !isTime)
    refuse(`${kinds.join(' and ')} do not go together`);
  const flags = ['i', 'm', 's'].filter(has);
  if (
    flags.some((flag) => chain.indexOf(flag) < chain.indexOf('re')) ||
    (flags.length > 0 && !has('re'))
  )
    refuse(`${flags.join(' and ')} may follow re alone`);
  const isText = kinds.length === 0 || has('fieldref');
  const placed = Object.keys(places).filter(has);
  if (placed.length > 0 && !isText) refuse(`${placed.join(' and ')} is for text`);
  if (has('cased') && !isText) refuse('cased is for text');
  const encoded = Object.keys(encodings).filter(has);
  if (encoded.length > 0 && kinds.length > 0) refuse(`${encoded.join(' and ')} is for text`);
  if (has('windash') && kinds.length > 0) refuse('windash is for text');
  if (has('exists') && chain.length > 1) refuse('exists stands alone');
}

/**
 * The expression of one line of a detection.
 * @param key `Field|modifier…`; without a field the whole event is searched
 * @throws RuleError
 */
export function itemOf(
  written: string,
  line: number,
  value: YamlNode,
  language: Language,
): Expression {
  const key = keyOf(written, line);
  const scalars = scalarsOf(written, value);
  const [first] = scalars;
  if (key.has('all') && scalars.length < 2)
    throw new RuleError(`Remove all from ${word(written)}, which has one value.`, line);
  if (key.has('exists')) return existsOf(key, written, first);
  if (scalars.some((scalar) => scalar.value === null)) {
    if (scalars.length > 1)
      throw new RuleError(
        `Take null out of the list of ${word(written)} into a detection of its own.`,
        line,
      );
    return nullOf(key, written);
  }
  const ofEach = scalars.map((scalar) => testsOf(key, written, scalar, language));
  const tests = ofEach.flat();
  language.count(tests.length, line);
  const item = { kind: 'field', field: key.field, line } as const;
  // Of a value that has become several one will do, also where all values are asked for.
  if (!key.has('all') || ofEach.every(({ length }) => length === 1))
    return { ...item, tests, all: key.has('all'), differs: key.has('neq') };
  const parts = ofEach.map((one) => ({ ...item, tests: one, all: false, differs: false }));
  const all: Expression = { kind: 'and', parts };
  return key.has('neq') ? { kind: 'not', part: all } : all;
}

function scalarsOf(written: string, value: YamlNode): readonly YamlScalar[] {
  const items = value.kind === 'list' ? value.items : [value];
  if (items.length === 0) throw new RuleError(`Give ${word(written)} a value.`, value.line);
  return items.map((item) => {
    if (item.kind !== 'scalar')
      throw new RuleError(`Make each value of ${word(written)} a text or a number.`, item.line);
    return item;
  });
}

function existsOf(key: Key, written: string, value: YamlScalar | undefined): Expression {
  if (key.field === undefined || typeof value?.value !== 'boolean')
    throw new RuleError(`Give ${word(written)} the value true or false.`, key.line);
  return { kind: 'exists', field: key.field, is: value.value, line: key.line };
}

function nullOf(key: Key, written: string): Expression {
  if (key.field === undefined)
    throw new RuleError('Name the field that has no value: an event always has some.', key.line);
  if (key.chain.some((modifier) => modifier !== 'neq'))
    throw new RuleError(`Remove the modifiers of ${word(written)}: null has none.`, key.line);
  const isNull: Expression = { kind: 'null', field: key.field, line: key.line };
  return key.has('neq') ? { kind: 'not', part: isNull } : isNull;
}

function testsOf(
  key: Key,
  written: string,
  scalar: YamlScalar,
  language: Language,
): readonly ValueTest[] {
  const { has } = key;
  const cased = has('cased');
  const raws = has('expand')
    ? expandPlaceholders(scalar.text, language.values, limits.valuesOfRule, scalar.line)
    : [scalar.text];
  for (const raw of raws)
    if (raw.length > limits.pattern)
      throw new RuleError(
        `Shorten a value of ${word(written)} to ${limits.pattern} characters.`,
        scalar.line,
      );
  const comparison = comparisons.find(has);
  const part = timeParts.find(has);
  if (part !== undefined || comparison !== undefined)
    return raws.map((raw) => numberTest(written, raw, scalar.line, part, comparison ?? 'eq'));
  if (has('fieldref')) {
    const position = positionOf(key);
    return raws.map((field) => ({ kind: 'reference', field, position, cased }));
  }
  if (has('cidr'))
    return raws.map((raw) => ({
      kind: 'cidr',
      network: networkOf(raw, scalar.line),
      written: raw,
    }));
  if (has('re')) {
    const flags = { i: has('i'), m: has('m'), s: has('s') };
    return raws.map((source) => ({
      kind: 'regex',
      source: flagsText(flags) + source,
      regex: language.regex(source, flags, scalar.line),
    }));
  }
  // A number is its digits: nothing in it is a wildcard.
  let patterns: readonly Pattern[] =
    typeof scalar.value === 'number' ? raws.map(literalPattern) : raws.map(patternOf);
  const encoded = key.chain.filter(isEncoding);
  for (const modifier of key.chain) {
    if (modifier === encoded[0]) patterns = encodedBy(encoded, patterns, written, scalar.line);
    else patterns = transformed(modifier, patterns, written, scalar.line);
  }
  return patterns.map((pattern) => ({ kind: 'pattern', pattern, cased }));
}

const flagsText = (flags: Readonly<Record<string, boolean>>): string => {
  const on = Object.keys(flags).filter((flag) => flags[flag]);
  return on.length === 0 ? '' : `(?${on.join('')})`;
};

function positionOf({ has }: Key): Position {
  const found = Object.entries(places).filter(([modifier]) => has(modifier));
  return found.length > 1 ? 'anywhere' : (found[0]?.[1] ?? 'whole');
}

function numberTest(
  written: string,
  raw: string,
  line: number,
  part: TimePart | undefined,
  comparison: Comparison,
): ValueTest {
  const value = /^-?\d+(?:\.\d+)?$/.test(raw) ? Number(raw) : NaN;
  if (Number.isNaN(value)) throw new RuleError(`Give ${word(written)} a number.`, line);
  return part === undefined
    ? { kind: 'number', comparison, value }
    : { kind: 'time', part, comparison, value };
}

/** What one modifier makes of the values so far. */
function transformed(
  modifier: string,
  patterns: readonly Pattern[],
  written: string,
  line: number,
): readonly Pattern[] {
  switch (modifier) {
    case 'contains':
      return patterns.map((pattern) => withAnyAfter(withAnyBefore(pattern)));
    case 'startswith':
      return patterns.map(withAnyAfter);
    case 'endswith':
      return patterns.map(withAnyBefore);
    case 'windash':
      return patterns.flatMap((pattern) => dashed(pattern, written, line));
  }
  return patterns;
}

/** What a row of encodings makes of values: only the last of them makes text of the bytes again. */
function encodedBy(
  row: readonly Encoding[],
  patterns: readonly Pattern[],
  written: string,
  line: number,
): readonly Pattern[] {
  const texts = patterns.map((pattern) => {
    const text = literalOf(pattern);
    if (text !== undefined && text !== '') return Buffer.from(text);
    throw new RuleError(
      `Give ${word(written)} a value without wildcards, and write contains behind ${row.join(' and ')}: an encoded wildcard means nothing.`,
      line,
    );
  });
  const bytes = row.reduce<readonly Buffer[]>((all, name) => all.flatMap(encodings[name]), texts);
  return bytes.map((one) => literalPattern(one.toString('utf8')));
}

function dashed(pattern: Pattern, written: string, line: number): readonly Pattern[] {
  let forms: Pattern[] = [[]];
  for (const part of pattern) {
    const made = typeof part === 'string' ? dashForms(part, limits.valuesOfRule) : [part];
    if (made === undefined || forms.length * made.length > limits.valuesOfRule)
      throw new RuleError(
        `Split ${word(written)}: with every dash of its options it has more than ${limits.valuesOfRule} values.`,
        line,
      );
    forms = forms.flatMap((form) => made.map((one) => [...form, one]));
  }
  for (const form of forms)
    if (lengthOf(form) > 2 * limits.pattern)
      throw new RuleError(`Shorten ${word(written)} to ${limits.pattern} characters.`, line);
  return forms;
}
