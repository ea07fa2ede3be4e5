import { isJsonObject } from '../base/json.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import { quoted } from '../base/quote.js';
import { printable } from '../base/text.js';
import { defaultValue, readSetting } from './read-setting.js';
import type { Reading } from './read-setting.js';
import {
  type ErrorType,
  inForce,
  isDuration,
  own,
  type Rejection,
  sentence,
  textOf,
} from './rejection.js';
import type { Setting, SettingValue } from './setting.js';
import { twinSettings } from './twin-settings.js';
import type { TwinKey, TwinSettings } from './twin-settings.js';

/**
 * The settings in the shape of the contract. `null` stands for a setting that has no value, so that a merge patch made
 * from this also removes what was reported for it earlier.
 */
export type Reported = Readonly<Record<string, { readonly value: JsonValue } | null>>;

/** The settings of a document in one of its dialects. */
export interface Outcome {
  readonly settings: TwinSettings;
  readonly problems: readonly Rejection[];
  readonly reported: Reported;
  /** The settings that the twin says something of, rightly or not. */
  readonly asked: ReadonlySet<TwinKey>;
  /** Printable names of the keys that are no settings; ignored. At most 32 are listed. */
  readonly unknownKeys: readonly string[];
}

const mostUnknownKeys = 32;

const twinKeys = Object.keys(twinSettings) as TwinKey[];
const table: Readonly<Record<TwinKey, Setting>> = twinSettings;

/** The settings that an object in the shape of the contract comes to. */
export function evaluateObject(object: JsonObject, previous: TwinSettings | undefined): Outcome {
  const problems: Rejection[] = [];
  const values: Partial<Record<TwinKey, SettingValue>> = {};
  const standard = (key: TwinKey): SettingValue => {
    const setting = table[key];
    const inherited =
      setting.kind === 'priority' && setting.inherits !== undefined
        ? values[setting.inherits as TwinKey]
        : undefined;
    return inherited ?? defaultValue(setting) ?? null;
  };
  // What others inherit from comes first.
  for (const key of ['eventPriorityOperational', ...twinKeys] as const) {
    if (key in values) continue;
    const { value, problem } = evaluateKey(
      key,
      own(object, key),
      () => previous?.[key] ?? standard(key),
      () => standard(key),
    );
    values[key] = value;
    if (problem) problems.push(problem);
  }
  const settings = Object.fromEntries(twinKeys.map((key) => [key, values[key]])) as TwinSettings;
  problems.push(...poorChoices(settings));
  const unknown = Object.keys(object).filter((key) => !Object.hasOwn(twinSettings, key));
  return {
    settings,
    problems,
    reported: report(settings),
    unknownKeys: shown(unknown),
    asked: new Set(twinKeys.filter((key) => (own(object, key) ?? null) !== null)),
  };
}

/** Keys for a person. */
export function shown(keys: readonly string[]): readonly string[] {
  return keys.slice(0, mostUnknownKeys).map((key) => printable(key, 64));
}

interface Evaluated {
  readonly value: SettingValue;
  readonly problem?: Rejection;
}

function evaluateKey(
  key: TwinKey,
  written: JsonValue | undefined,
  kept: () => SettingValue,
  standard: () => SettingValue,
): Evaluated {
  if (written === undefined || written === null) return { value: standard() };
  const inner = isJsonObject(written) ? own(written, 'value') : undefined;
  if (inner === null) return { value: standard() };
  const reading: Reading =
    inner === undefined
      ? { kind: 'mismatch', expected: 'an object with a member "value"' }
      : readSetting(table[key], inner, true);
  const shown = inner === undefined && isJsonObject(written) ? 'empty' : quoted(inner ?? written);
  switch (reading.kind) {
    case 'value':
      return { value: reading.value };
    case 'clamped': {
      const used = textOf(reading.value);
      const reason = sentence(`${key} is ${shown}, which is ${reading.limit}; ${used} is used.`);
      return { value: reading.value, problem: { key, errorType: 'NotOptimal', reason, used } };
    }
    case 'mismatch': {
      const value = kept();
      const used = textOf(value);
      const reason = sentence(
        `${key} is ${shown}, but must be ${reading.expected}; ${inForce(value)} is used.`,
      );
      return { value, problem: { key, errorType: 'TypeMismatch', reason, used } };
    }
  }
}

/** Values that are in force as written but do not go well together, or cost more than they need to. */
function poorChoices(settings: TwinSettings): readonly Rejection[] {
  const {
    maxLocalCacheSizeInBytes: cacheBytes,
    maxMessageSizeInBytes: messageBytes,
    highPriorityMessageFrequency: high,
    lowPriorityMessageFrequency: low,
  } = settings;
  const problems: Rejection[] = [];
  const add = (key: TwinKey, errorType: ErrorType, reason: string): void => {
    problems.push({ key, errorType, reason: sentence(reason), used: textOf(settings[key]) });
  };
  if (cacheBytes < messageBytes) {
    add(
      'maxLocalCacheSizeInBytes',
      'Conflict',
      `maxLocalCacheSizeInBytes, ${cacheBytes}, is less than maxMessageSizeInBytes, ${messageBytes}: no message can be filled.`,
    );
  }
  if (messageBytes % 4096 !== 0) {
    add(
      'maxMessageSizeInBytes',
      'NotOptimal',
      `maxMessageSizeInBytes, ${messageBytes}, is not a multiple of 4096, in which messages are metered.`,
    );
  }
  if (high.ms > low.ms) {
    add(
      'highPriorityMessageFrequency',
      'Conflict',
      `highPriorityMessageFrequency, ${high.text}, is longer than lowPriorityMessageFrequency, ${low.text}.`,
    );
  }
  return problems;
}

/** Settings in the shape in which they are reported. */
export function report(settings: TwinSettings): Reported {
  return Object.fromEntries(
    twinKeys.map((key) => {
      const value: SettingValue = settings[key];
      return [key, value === null || isEmpty(value) ? null : { value: reportedValue(value) }];
    }),
  );
}

/** A list or an object without members is no value: it would only fill the twin. */
const isEmpty = (value: NonNullable<SettingValue>): boolean =>
  typeof value === 'object' && !isDuration(value) && Object.keys(value).length === 0;

function reportedValue(value: NonNullable<SettingValue>): JsonValue {
  if (typeof value !== 'object') return value;
  return isDuration(value) ? value.text : (value as JsonValue);
}
