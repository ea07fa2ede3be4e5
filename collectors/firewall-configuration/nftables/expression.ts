import { isJsonObject, type JsonObject, type JsonValue } from '../../../base/json.js';
import { cut, mostElements } from '../rules/conditions.js';

/** Deeper than any expression of a rule. */
const deepest = 12;
const operators = ['|', '^', '&', '<<', '>>'] as const;

/** The only member of an object such as `{"payload": {…}}`; undefined for everything else. */
export function tagged(value: JsonValue | undefined): readonly [string, JsonValue] | undefined {
  if (!isJsonObject(value)) return undefined;
  const entries = Object.entries(value);
  return entries.length === 1 ? entries[0] : undefined;
}

export function member(value: JsonValue | undefined, key: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;
}

export function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

/** The elements of a set that is written out, of a list of flags, or the value alone. */
export function elements(value: JsonValue): readonly JsonValue[] {
  const set = member(value, 'set');
  if (Array.isArray(set)) return set as readonly JsonValue[];
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [value];
}

/** A set's element without its timeout, its counter and its comment, which change or say nothing. */
export function bare(value: JsonValue): JsonValue {
  return member(member(value, 'elem'), 'val') ?? value;
}

/** One value as a field tells it: `22`, `10.0.0.0/8`, `8000-8100`; undefined for what is no plain value. */
export function plain(value: JsonValue): string | undefined {
  const given = bare(value);
  const direct = text(given);
  if (direct !== undefined) return direct;
  const prefix = member(given, 'prefix');
  const address = text(member(prefix, 'addr'));
  const length = text(member(prefix, 'len'));
  if (address !== undefined && length !== undefined) return `${address}/${length}`;
  const [from, to, ...more] = list(member(given, 'range')).map(text);
  return from === undefined || to === undefined || more.length > 0 ? undefined : `${from}-${to}`;
}

/** Any expression in words close to those of nft. Never throws; what it does not know it shows as it stands. */
export function written(value: JsonValue | undefined, depth = 0): string {
  if (value === undefined) return '';
  if (depth > deepest) return '…';
  const inner = (part: JsonValue | undefined): string => written(part, depth + 1);
  const direct = plain(value);
  if (direct !== undefined) return direct;
  if (Array.isArray(value)) return manyOf(value as readonly JsonValue[], inner, ',');
  const [kind, content] = tagged(bare(value)) ?? [];
  if (kind === undefined || content === undefined) return shown(value);
  if ((operators as readonly string[]).includes(kind))
    return manyOf(list(content), inner, ` ${kind} `);
  const named = (key: string): string => inner(member(content, key));
  switch (kind) {
    case 'payload':
      return member(content, 'base') === undefined
        ? words(named('protocol'), named('field'))
        : `@${named('base')},${named('offset')},${named('len')}`;
    case 'meta':
      return words(isTold(content, 'key') ? '' : 'meta', named('key'));
    case 'ct':
      return words('ct', named('dir'), named('key'));
    case 'rt':
    case 'socket':
    case 'osf':
    case 'ipsec':
    case 'tunnel':
      return words(kind, named('dir'), named('spnum'), named('family'), named('key'));
    case 'exthdr':
    case 'tcp option':
    case 'ip option':
    case 'sctp chunk':
    case 'dccp option':
      return words(kind, named('name'), named('type'), named('field'));
    case 'fib':
      return words('fib', named('flags').replaceAll(',', ' . '), named('result'));
    case 'numgen':
      return words('numgen', named('mode'), 'mod', named('mod'));
    case 'jhash':
    case 'symhash':
      return words(kind, named('expr'), 'mod', named('mod'));
    case 'concat':
      return manyOf(list(content), inner, ' . ');
    case 'range':
      return manyOf(list(content), inner, '-');
    case 'prefix':
      return `${named('addr')}/${named('len')}`;
    case 'set':
      return `{ ${manyOf(elements(value), inner, ', ')} }`;
    case 'map':
      return words(named('key'), 'map', mapWritten(member(content, 'data'), depth));
    case 'accept':
    case 'drop':
    case 'continue':
    case 'return':
      return kind;
    case 'jump':
    case 'goto':
      return words(kind, named('target'));
    default:
      return shown(value);
  }
}

/** The elements of a map: `{ 22 : accept, 80 : jump web }`; `@name` for one that has a name. */
export function mapWritten(data: JsonValue | undefined, depth = 0): string {
  if (data === undefined) return '';
  if (!Array.isArray(member(data, 'set'))) return written(data, depth + 1);
  const pair = (element: JsonValue): string => {
    const [key, value] = list(element);
    return `${written(key, depth + 1)} : ${written(value, depth + 1)}`;
  };
  return `{ ${manyOf(elements(data), pair, ', ')} }`;
}

/** As it stands in the answer, bounded. */
export function shown(value: JsonValue): string {
  try {
    return cut(JSON.stringify(value), 256);
  } catch {
    // So deeply nested that it cannot be written; no nft prints that.
    return '…';
  }
}

export function words(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function manyOf(
  values: readonly JsonValue[],
  each: (value: JsonValue) => string,
  between: string,
): string {
  const first = values.slice(0, mostElements).map(each);
  const more = values.length - first.length;
  return [...first, ...(more > 0 ? [`… ${more} more`] : [])].join(between);
}

/** The keys that nft writes without `meta` before them. */
function isTold(content: JsonValue, key: string): boolean {
  const name = text(member(content, key)) ?? '';
  return ['iif', 'oif', 'iifname', 'oifname', 'iiftype', 'oiftype'].includes(name);
}

/** Every chain that a verdict anywhere in the value leads to. */
export function targetsIn(value: JsonValue, into: Set<string>): void {
  const open: JsonValue[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (Array.isArray(next)) {
      for (const item of next as readonly JsonValue[]) open.push(item);
      continue;
    }
    if (!isJsonObject(next)) continue;
    for (const [key, item] of Object.entries(next satisfies JsonObject)) {
      if (key === 'jump' || key === 'goto') {
        const target = text(member(item, 'target'));
        if (target !== undefined) into.add(target);
      } else open.push(item);
    }
  }
}
