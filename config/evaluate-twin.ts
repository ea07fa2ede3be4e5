import { isJsonObject } from '../base/json.js';
import type { JsonObject, JsonValue } from '../base/json.js';
import { quoted } from '../base/quote.js';
import { printable } from '../base/text.js';
import { defaultValue, readSetting } from './read-setting.js';
import type { Reading } from './read-setting.js';
import type { Setting, SettingValue } from './setting.js';
import { configurationObjectName, twinSettings } from './twin-settings.js';
import type { TwinKey, TwinSettings } from './twin-settings.js';

/** Why a desired value is not in force as written, or not a good choice. */
export type ErrorType = 'TypeMismatch' | 'NotOptimal' | 'Conflict';

export interface Rejection {
  /** The desired property, or the name of the configuration object itself. */
  readonly key: string;
  readonly errorType: ErrorType;
  /** What was written and what would be right, at most 200 characters. */
  readonly reason: string;
  /** The value in force, as text. */
  readonly used: string;
}

/**
 * The settings in the shape of the contract. `null` stands for a setting that has no value, so that a merge patch made
 * from this also removes what was reported for it earlier.
 */
export type Reported = Readonly<Record<string, { readonly value: JsonValue } | null>>;

export interface Evaluation {
  readonly settings: TwinSettings;
  readonly problems: readonly Rejection[];
  readonly reported: Reported;
  /** Printable names of the keys that are no settings; ignored. At most 32 are listed. */
  readonly unknownKeys: readonly string[];
}

const longestReason = 200;
const mostUnknownKeys = 32;

const twinKeys = Object.keys(twinSettings) as TwinKey[];
const table: Readonly<Record<TwinKey, Setting>> = twinSettings;

/**
 * Turns a whole desired document into the settings in force. A value that cannot be used is rejected alone: its key
 * keeps the value in `previous`, or else its default. A key that is absent has its default. Never throws, whatever
 * the document holds.
 * @param previous the settings in force until now
 */
export function evaluateTwin(
  desired: JsonObject,
  previous: TwinSettings | undefined,
  objectName = configurationObjectName,
): Evaluation {
  const object = own(desired, objectName);
  if (object === undefined || object === null) return evaluateObject({}, previous);
  if (isJsonObject(object)) return evaluateObject(object, previous);
  const problem: Rejection = {
    key: objectName,
    errorType: 'TypeMismatch',
    reason: sentence(
      `${printable(objectName, 80)} is ${quoted(object)}, but must be an object with a member per setting; ` +
        `the ${previous ? 'settings in force stay' : 'defaults are used'}.`,
    ),
    used: previous ? 'the settings in force before' : 'the defaults',
  };
  const settings = previous ?? evaluateObject({}, undefined).settings;
  return { settings, problems: [problem], reported: report(settings), unknownKeys: [] };
}

function evaluateObject(object: JsonObject, previous: TwinSettings | undefined): Evaluation {
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
    unknownKeys: unknown.slice(0, mostUnknownKeys).map((key) => printable(key, 64)),
  };
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

function report(settings: TwinSettings): Reported {
  return Object.fromEntries(
    twinKeys.map((key) => {
      const value: SettingValue = settings[key];
      if (value === null) return [key, null];
      return [key, { value: typeof value === 'object' ? textOf(value) : value }];
    }),
  );
}

function textOf(value: SettingValue): string {
  return typeof value === 'object' && value !== null && 'text' in value
    ? value.text
    : String(value);
}

function inForce(value: SettingValue): string {
  return value === null || value === '' ? 'no value' : printable(textOf(value), 40);
}

function sentence(text: string): string {
  return printable(text, longestReason);
}

/** A member of a stranger's object, never one of its prototype. */
function own(object: JsonObject, key: string): JsonValue | undefined {
  return isJsonObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}
