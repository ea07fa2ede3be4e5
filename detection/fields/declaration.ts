import type { JsonObject } from '../../base/json.js';
import type { RawFacts } from '../../collectors/interface/raw-facts.js';
import type { EventName } from '../../contract/events.js';
import type { Logsource } from '../language/document.js';

/** One thing that was observed. */
export interface Observed {
  readonly event: EventName;
  readonly payload: JsonObject;
  readonly raw?: RawFacts;
}

/** Where a value comes from: a field of the payload, a member of its `ExtraDetails`, or a raw fact. */
export type Origin =
  | { readonly field: string }
  | { readonly detail: string }
  | { readonly raw: keyof RawFacts; readonly joined?: true };

export interface KnownField {
  /** The first that is there; with `all` each that is there, as a list. */
  readonly from: readonly Origin[];
  readonly all?: true;
  /** What a value is called in Sigma. */
  readonly says?: Readonly<Record<string, string>>;
  /** Where the origin depends on another field of the payload: by its value. */
  readonly by?: {
    readonly field: string;
    readonly from: Readonly<Record<string, readonly Origin[]>>;
  };
  /** Of a list: each member is a field of its own, `a0`, `a1` and so on. */
  readonly numbered?: true;
  /** Always this. */
  readonly is?: string;
}

/** A field that Sigma has and our events do not. */
export interface MissingField {
  /** Completes "needs …". */
  readonly missing: string;
}

/** The events of a log source of Sigma, and what each of its fields is made of. */
export interface SourceDeclaration {
  readonly logsource: Logsource;
  /** Our event; undefined where we have none, and `missing` says what is needed. */
  readonly event?: EventName;
  readonly missing?: string;
  /** Only of payloads in which this field has one of these values. */
  readonly when?: { readonly field: string; readonly is: readonly string[] };
  readonly fields: Readonly<Record<string, KnownField | MissingField>>;
}

export const field = (name: string): Origin => ({ field: name });
export const detail = (name: string): Origin => ({ detail: name });
export const raw = (name: keyof RawFacts, joined?: true): Origin =>
  joined === undefined ? { raw: name } : { raw: name, joined };

export const from = (...origins: readonly Origin[]): KnownField => ({ from: origins });
export const listOf = (...origins: readonly Origin[]): KnownField => ({ from: origins, all: true });
export const missing = (what: string): MissingField => ({ missing: what });
export const constant = (is: string): KnownField => ({ from: [], is });
