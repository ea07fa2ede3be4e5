import type { Priority } from './priority.js';

/** An array lists the allowed values. `ip` is IPv4 or IPv6 text. */
export type Kind = 'string' | 'integer' | 'boolean' | 'ip' | readonly string[];

/** What an aggregate says instead of a field that differs from hit to hit. */
export interface Varying {
  readonly value: number | string;
  /** Only where another field, which must be declared before this one, has this value. */
  readonly where?: readonly [field: string, value: string];
}

export interface Field {
  readonly kind: Kind;
  readonly required: boolean;
  readonly meaning: string;
  /** Of an event that is counted: stands in the place of the field. */
  readonly varying?: Varying;
}

/** All that is said of an event: whoever needs a list, a type, a check, a setting or a page of events derives it. */
export interface EventDeclaration {
  readonly category: 'Periodic' | 'Triggered';
  readonly type: 'Security' | 'Operational' | 'Diagnostic';
  /** The public message schemas do not know it; consumers of the old agents may ignore it. */
  readonly ours?: true;
  /** The default of its setting `eventPriority…`. */
  readonly priority: Priority;
  /** The setting that stands in, where it is set, for that of its own. */
  readonly inheritsPriority?: 'eventPriorityOperational';
  /** What its payloads are, in the plural: "Queue of logins". */
  readonly noun: string;
  /** Equal ones are counted instead of told one by one, and are called this: "Whether equal starts are counted". */
  readonly counted?: string;
  readonly meaning: string;
  /**
   * Stays on the device after it was sent, for a report of an incident (`agent/history/`): each, or each that has one of
   * these values in these fields.
   */
  readonly kept?: true | Readonly<Record<string, readonly string[]>>;
  readonly fields: Readonly<Record<string, Field>>;
  /** The members of `ExtraDetails`, all of them optional text, with what they say. */
  readonly details?: Readonly<Record<string, string>>;
  /**
   * Further members of `ExtraDetails`: those that say what of the event is not known, or not the whole. An aggregate
   * has each that one of its hits had, for what one of them does not know is not known of all.
   */
  readonly caveats?: Readonly<Record<string, string>>;
  /** Of an event that is counted: members of `ExtraDetails` in which equal ones do not differ. */
  readonly distinguishing?: readonly string[];
  /** At least one of these optional fields is there. */
  readonly oneOf?: readonly string[];
}

export const required = <const K extends Kind>(kind: K, meaning: string) =>
  ({ kind, required: true, meaning }) as const;

export const optional = <const K extends Kind>(kind: K, meaning: string) =>
  ({ kind, required: false, meaning }) as const;

/** A field that is another in each hit: equal events may differ in it, and their aggregate says `value`. */
export const varying = <const F extends Field>(
  field: F,
  value: number | string,
  where?: Varying['where'],
) => ({ ...field, varying: { value, ...(where !== undefined && { where }) } }) as const;
