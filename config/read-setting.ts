import { duration, longestDurationText, parseDuration } from '../base/duration.js';
import { reasonOf } from '../base/errors.js';
import { isJsonObject, type JsonValue } from '../base/json.js';
import { quoted } from '../base/quote.js';
import { priorities } from '../contract/priority.js';
import { nearest } from './nearest.js';
import type { Format, Member, RecordMember, Setting, SettingValue } from './setting.js';
import { partedList, type TextsDeclaration } from './parted-list.js';

/** What became of a value that somebody wrote for a setting. */
export type Reading =
  | { readonly kind: 'value'; readonly value: SettingValue }
  /** Of the right type but beyond a bound: `value` is the bound, `limit` completes "which is ...". */
  | { readonly kind: 'clamped'; readonly value: SettingValue; readonly limit: string }
  /** `expected` completes "must be ...". */
  | { readonly kind: 'mismatch'; readonly expected: string };

type RecordDeclaration = Extract<Setting | Member, { readonly kind: 'record' }> & {
  readonly maxBytes?: number;
};

/** Longest regular expression accepted, in UTF-16 units. */
export const longestPattern = 1024;

/**
 * Checks a value against the declaration of its setting. `lenient` also takes integers and truth values written as
 * text, as the twins of fleets contain them; the local file is strict.
 */
export function readSetting(setting: Setting | Member, json: JsonValue, lenient: boolean): Reading {
  switch (setting.kind) {
    case 'duration':
      return readDuration(json, setting.minimum, setting.maximum);
    case 'integer':
      return readInteger(lenient ? numberOfText(json) : json, setting.minimum, setting.maximum);
    case 'boolean':
      return readBoolean(lenient ? booleanOfText(json) : json);
    case 'priority':
      return readChoice(json, priorities, true);
    case 'choice':
      return readChoice(json, setting.values, false);
    case 'string':
      return readString(json, setting.format);
    case 'patterns':
      return readPatterns(json, setting.maxItems);
    case 'names':
      return readNames(json, setting.values, setting.of);
    case 'texts':
      return readTexts(json, setting, lenient);
    case 'record':
      return readRecord(json, setting, lenient);
  }
}

/** The value of a setting that nobody set; undefined for one without a default. */
export function defaultValue(setting: Setting): SettingValue | undefined {
  switch (setting.kind) {
    case 'duration':
      return duration(setting.default);
    case 'patterns':
      return setting.default.map(compile);
    case 'integer':
    case 'boolean':
    case 'priority':
    case 'choice':
    case 'string':
    case 'names':
    case 'texts':
    case 'record':
      return setting.default;
  }
}

const accepted = (value: SettingValue): Reading => ({ kind: 'value', value });
const mismatch = (expected: string): Reading => ({ kind: 'mismatch', expected });

function readDuration(json: JsonValue, minimum: string, maximum: string): Reading {
  const value = typeof json === 'string' ? parseDuration(json) : undefined;
  if (!value) {
    return typeof json === 'string' && json.length > longestDurationText
      ? mismatch(`an ISO-8601 duration of at most ${longestDurationText} characters`)
      : mismatch('an ISO-8601 duration such as PT7M');
  }
  const [least, most] = [duration(minimum), duration(maximum)];
  if (value.ms < least.ms) {
    return { kind: 'clamped', value: least, limit: `shorter than the least, ${minimum}` };
  }
  if (value.ms > most.ms) {
    return { kind: 'clamped', value: most, limit: `longer than the most, ${maximum}` };
  }
  return accepted(value);
}

function readInteger(json: JsonValue, minimum: number, maximum: number): Reading {
  if (typeof json !== 'number' || !Number.isInteger(json)) return mismatch('a whole number');
  if (json < minimum) {
    return { kind: 'clamped', value: minimum, limit: `less than the least, ${minimum}` };
  }
  if (json > maximum) {
    return { kind: 'clamped', value: maximum, limit: `more than the most, ${maximum}` };
  }
  return accepted(json);
}

function numberOfText(json: JsonValue): JsonValue {
  return typeof json === 'string' && /^-?\d{1,20}$/.test(json) ? Number(json) : json;
}

function readBoolean(json: JsonValue): Reading {
  return typeof json === 'boolean' ? accepted(json) : mismatch('true or false');
}

function booleanOfText(json: JsonValue): JsonValue {
  if (typeof json !== 'string' || !/^(true|false)$/i.test(json)) return json;
  return json.toLowerCase() === 'true';
}

function readChoice(json: JsonValue, values: readonly string[], anyCase: boolean): Reading {
  const same = (value: string): boolean =>
    value === json ||
    (anyCase && typeof json === 'string' && json.toLowerCase() === value.toLowerCase());
  const value = values.find(same);
  return value === undefined ? mismatch(alternatives(values)) : accepted(value);
}

function alternatives(values: readonly string[]): string {
  return values.length < 2
    ? values.join('')
    : `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`;
}

function readString(json: JsonValue, format: Format): Reading {
  const { exclusions = [], maxBytes = Infinity } = format;
  const excluded = exclusions.find(
    ({ pattern }) => typeof json === 'string' && new RegExp(pattern, 'u').test(json),
  );
  if (excluded !== undefined) return mismatch(excluded.says);
  if (typeof json !== 'string' || !new RegExp(format.pattern, 'u').test(json)) {
    return mismatch(format.says);
  }
  if (Buffer.byteLength(json) > maxBytes) {
    return mismatch(`${format.says} of at most ${maxBytes} bytes`);
  }
  // JSON Schema counts characters, not UTF-16 units.
  return Array.from(json).length > format.maxLength
    ? mismatch(`${format.says} of at most ${format.maxLength} characters`)
    : accepted(json);
}

function readPatterns(json: JsonValue, maxItems: number): Reading {
  if (!Array.isArray(json)) return mismatch('a list of regular expressions');
  const items: readonly JsonValue[] = json;
  if (items.length > maxItems) return mismatch(`a list of at most ${maxItems} regular expressions`);
  const compiled: RegExp[] = [];
  for (const [index, item] of items.entries()) {
    if (typeof item !== 'string' || item === '' || item.length > longestPattern) {
      return mismatch(
        `a list of texts of 1 to ${longestPattern} characters: number ${index + 1} is none`,
      );
    }
    try {
      compiled.push(compile(item));
    } catch (error) {
      return mismatch(
        `a list of regular expressions only: number ${index + 1} is none (${faultOfPattern(error)})`,
      );
    }
  }
  return accepted(compiled);
}

function readNames(json: JsonValue, known: readonly string[], of: string): Reading {
  if (!Array.isArray(json)) return mismatch(`a list of ${of}`);
  const items: readonly JsonValue[] = json;
  if (items.length > known.length) return mismatch(`a list of at most ${known.length} ${of}`);
  for (const item of items) {
    if (typeof item === 'string' && known.includes(item)) continue;
    const meant = typeof item === 'string' ? nearest(item, known) : undefined;
    const hint =
      meant === undefined ? `they are ${known.join(', ')}` : `perhaps ${meant} was meant`;
    return mismatch(`a list of ${of} only: ${quoted(item)} is none; ${hint}`);
  }
  return accepted(items as readonly string[]);
}

function readTexts(json: JsonValue, declared: TextsDeclaration, lenient: boolean): Reading {
  const { maxItems, maxLength, of } = declared;
  const list = partedList(declared);
  if (lenient && typeof json === 'string' && new RegExp(list.pattern, 'u').test(json))
    return accepted(json === '' ? [] : json.split(/, ?/));
  if (!Array.isArray(json)) return mismatch(`a list of ${of}, or one text with commas`);
  const items: readonly JsonValue[] = json;
  if (items.length > maxItems) return mismatch(`a list of at most ${maxItems} ${of}`);
  const item = new RegExp(list.item, 'u');
  const wrong = items.findIndex((one) => typeof one !== 'string' || !item.test(one));
  return wrong < 0
    ? accepted(items as readonly string[])
    : mismatch(
        `a list of ${of}, texts of 1 to ${maxLength} characters without control characters: number ${wrong + 1} is none`,
      );
}

function readRecord(json: JsonValue, declared: RecordDeclaration, lenient: boolean): Reading {
  const { maxBytes = Infinity, maxMembers, member, names } = declared;
  if (!isJsonObject(json)) return mismatch('an object');
  const members = Object.entries(json).filter(([, written]) => written !== null);
  if (members.length > maxMembers) return mismatch(`an object of at most ${maxMembers} members`);
  const read: [string, RecordMember][] = [];
  for (const [name, written] of members) {
    const isName = readString(name, names).kind === 'value';
    if (!isName) return mismatch(`an object of which ${quoted(name)} is no name: ${names.says}`);
    const reading = readSetting(member, written, lenient);
    if (reading.kind === 'mismatch')
      return mismatch(`an object in which ${quoted(name)} is ${reading.expected}`);
    read.push([name, reading.value as RecordMember]);
  }
  const record = Object.fromEntries(read);
  return Buffer.byteLength(JSON.stringify(record)) > maxBytes
    ? mismatch(`an object of at most ${maxBytes} bytes`)
    : accepted(record);
}

/** Global, because every secret in a line has to go. */
function compile(pattern: string): RegExp {
  return new RegExp(pattern, 'gu');
}

function faultOfPattern(error: unknown): string {
  // V8 says "Invalid regular expression: /<the pattern>/<flags>: <fault>".
  const text = reasonOf(error);
  return text.slice(text.lastIndexOf(': ') + 2);
}
