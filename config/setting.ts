import type { Duration } from '../base/duration.js';
import type { EventName } from '../contract/events.js';
import type { Priority } from '../contract/priority.js';

interface Declared {
  /** One sentence for the reference. */
  readonly meaning: string;
  /** When a change takes effect. */
  readonly applies: 'live' | 'restart';
  /** The event that it is about; in force only where a collector produces that event. */
  readonly event?: EventName;
}

export interface DurationSetting extends Declared {
  readonly kind: 'duration';
  /** ISO-8601, as are the bounds, which are inclusive. */
  readonly default: string;
  readonly minimum: string;
  readonly maximum: string;
}

export interface IntegerSetting extends Declared {
  readonly kind: 'integer';
  readonly default: number;
  readonly unit: string;
  readonly minimum: number;
  readonly maximum: number;
}

export interface BooleanSetting extends Declared {
  readonly kind: 'boolean';
  readonly default: boolean;
}

export interface PrioritySetting extends Declared {
  readonly kind: 'priority';
  /** null: not set unless somebody sets it. */
  readonly default: Priority | null;
  /** The setting that stands in, where it is set, for this one where this one is not. */
  readonly inherits?: string;
}

interface ChoiceSetting extends Declared {
  readonly kind: 'choice';
  readonly values: readonly string[];
  readonly default?: string;
}

/** What a text must look like. */
export interface Format {
  /** Matched against the whole text. */
  readonly pattern: string;
  /** Completes "must be ...". */
  readonly says: string;
  /** In characters. */
  readonly maxLength: number;
  /** In UTF-8, for what ends up where bytes are counted. */
  readonly maxBytes?: number;
  /** Texts that the pattern excludes for a reason of their own. */
  readonly exclusions?: readonly Exclusion[];
}

/** A text that looks right, and that what the setting feeds cannot take. */
interface Exclusion {
  /** Found anywhere in the text. */
  readonly pattern: string;
  /** Completes "must be ...", with the reason and the remedy. */
  readonly says: string;
}

export interface StringSetting extends Declared {
  readonly kind: 'string';
  /** null: the setting holds null until set; absent: the key is absent until set. */
  readonly default?: string | null;
  readonly format: Format;
}

/** A list of regular expressions. */
interface PatternsSetting extends Declared {
  readonly kind: 'patterns';
  readonly default: readonly string[];
  readonly maxItems: number;
}

/** A list of known names. */
interface NamesSetting extends Declared {
  readonly kind: 'names';
  readonly values: readonly string[];
  readonly default: readonly string[];
  /** What the names are, in the plural. */
  readonly of: string;
}

/** A list of texts; as one text it is parted by commas. */
export interface TextsSetting extends Declared {
  readonly kind: 'texts';
  readonly default: readonly string[];
  readonly maxItems: number;
  /** Of each text; no text in which control characters are is one. */
  readonly maxLength: number;
  /** What the texts are, in the plural. */
  readonly of: string;
}

/** An object with a member for each of some names, which are not known beforehand. */
export interface RecordSetting extends Declared {
  readonly kind: 'record';
  readonly default: Readonly<Record<string, never>>;
  /** What a name looks like. */
  readonly names: Format;
  readonly member: Leaf | RecordOfLeaves;
  readonly maxMembers: number;
  /** Of all of it as JSON. */
  readonly maxBytes: number;
}

type Bare<S extends Declared> = Omit<S, keyof Declared | 'default'>;
type Leaf = Bare<ChoiceSetting> | Bare<StringSetting> | Bare<TextsSetting>;

interface RecordOfLeaves {
  readonly kind: 'record';
  readonly names: Format;
  readonly member: Leaf;
  readonly maxMembers: number;
}

/** What a member of a record may be. */
export type Member = Leaf | RecordOfLeaves;

export type Setting =
  | DurationSetting
  | IntegerSetting
  | BooleanSetting
  | PrioritySetting
  | ChoiceSetting
  | StringSetting
  | PatternsSetting
  | NamesSetting
  | TextsSetting
  | RecordSetting;

type LeafValue<M extends Leaf> =
  M extends Bare<ChoiceSetting>
    ? M['values'][number]
    : M extends Bare<TextsSetting>
      ? readonly string[]
      : string;

type MemberValue<M extends Member> = M extends RecordOfLeaves
  ? Readonly<Record<string, LeafValue<M['member']>>>
  : M extends Leaf
    ? LeafValue<M>
    : never;

/** A member of a record as it is in force. */
export type RecordMember = MemberValue<Member>;

type KindValue<S extends Setting> = S extends ChoiceSetting
  ? S['values'][number]
  : S extends DurationSetting
    ? Duration
    : S extends IntegerSetting
      ? number
      : S extends BooleanSetting
        ? boolean
        : S extends PrioritySetting
          ? Priority
          : S extends StringSetting
            ? string
            : S extends NamesSetting
              ? readonly S['values'][number][]
              : S extends TextsSetting
                ? readonly string[]
                : S extends RecordSetting
                  ? Readonly<Record<string, MemberValue<S['member']>>>
                  : readonly RegExp[];

/** The type a setting has in the program. */
export type ValueOf<S extends Setting> =
  KindValue<S> | (S extends { readonly default: null } ? null : never);

export type SettingValue = ValueOf<Setting> | null;

/** Of a setting of the twin. */
export const live = { applies: 'live' } as const;

export const interval = (standard: string, meaning: string) =>
  ({
    kind: 'duration',
    default: standard,
    minimum: 'PT1S',
    maximum: 'P365D',
    meaning,
    ...live,
  }) as const satisfies DurationSetting;

export const flag = (standard: boolean, meaning: string) =>
  ({ kind: 'boolean', default: standard, meaning, ...live }) as const satisfies BooleanSetting;
