import type { Duration } from '../base/duration.js';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.js';
import { printable } from '../base/text.js';
import type { SettingValue } from './setting.js';

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

const longestReason = 200;

/** A reason of a bounded length that can be printed. */
export function sentence(text: string): string {
  return printable(text, longestReason);
}

/** A value as a twin holds it; of an object that has no fixed members how many it has. */
export function textOf(value: SettingValue): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return String(value);
  if (isDuration(value)) return value.text;
  const count = Object.keys(value).length;
  return count === 1 ? '1 member' : `${count} members`;
}

/** Members of any other object are texts, lists and objects. */
export function isDuration(value: object): value is Duration {
  return 'ms' in value && typeof value.ms === 'number';
}

/** A value within a sentence. */
export function inForce(value: SettingValue): string {
  return value === null || value === '' ? 'no value' : printable(textOf(value), 40);
}

/** A member of a stranger's object, never one of its prototype. */
export function own(object: JsonObject, key: string): JsonValue | undefined {
  return isJsonObject(object) && Object.hasOwn(object, key) ? object[key] : undefined;
}
