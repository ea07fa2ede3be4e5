import type { JsonObject, JsonValue } from './json.js';
import { configurationObjectName } from './twin-settings.js';
import type { TwinSettings } from './twin-settings.js';

/** Why a desired value is not in force as written. */
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
  /** Keys of the configuration object that no setting has; ignored, at most 32 are listed. */
  readonly unknownKeys: readonly string[];
}

export function evaluateTwin(
  desired: JsonObject,
  previous: TwinSettings | undefined,
  objectName = configurationObjectName,
): Evaluation {
  throw new Error(`${objectName} cannot be evaluated yet: ${JSON.stringify([desired, previous])}`);
}
