import { changes } from './changes.js';
import type { EventDeclaration, Kind } from './declaration.js';
import { operational } from './operational.js';
import { snapshots } from './snapshots.js';
import { streams } from './streams.js';

/**
 * The declaration of every event of the security message contract: one table from which the payload types, the check
 * before an event is journaled, what is left of it in an aggregate, its settings in the twin, its reference, the
 * description of the package and the check of the stand-in hub come. The wire names are the contract's and may not
 * change. Source: the public message schemas, version 1.0; an event that they do not know is marked `ours`.
 */
export const events = { ...streams, ...changes, ...snapshots, ...operational } as const;

/** All of them, for whoever goes over the declarations. */
export const eventDeclarations: Readonly<Record<EventName, EventDeclaration>> = events;

type Events = typeof events;
export type EventName = keyof Events;

type NamesWhere<Property extends 'category' | 'type', Value> = {
  [N in EventName]: Events[N][Property] extends Value ? N : never;
}[EventName];

type SecurityName = NamesWhere<'type', 'Security'>;
/** Events that a snapshot collector gives. */
export type SnapshotName = Extract<SecurityName, NamesWhere<'category', 'Periodic'>>;
/** Events that a triggered collector gives. */
export type TriggeredName = Extract<SecurityName, NamesWhere<'category', 'Triggered'>>;

type ValueOf<K extends Kind> = K extends readonly (infer V)[]
  ? V
  : K extends 'integer'
    ? number
    : K extends 'boolean'
      ? boolean
      : string;

type Fields<N extends EventName> = Events[N]['fields'];
type RequiredKeys<F> = { [K in keyof F]: F[K] extends { required: true } ? K : never }[keyof F];
type KindAt<F, K extends keyof F> = F[K] extends { kind: infer V extends Kind } ? V : never;

/** The payload of one event: its declared fields, and `ExtraDetails` whose values are all strings. */
export type Payload<N extends EventName = EventName> = N extends EventName
  ? {
      -readonly [K in RequiredKeys<Fields<N>>]: ValueOf<KindAt<Fields<N>, K>>;
    } & {
      -readonly [K in Exclude<keyof Fields<N>, RequiredKeys<Fields<N>>>]?: ValueOf<
        KindAt<Fields<N>, K>
      >;
    } & { ExtraDetails?: Record<string, string> }
  : never;

type KeysIn<E, Property extends 'details' | 'caveats'> =
  E extends Record<Property, infer D> ? keyof D : never;

/** The members of `ExtraDetails` that the collector of an event may set. */
export type Details<N extends EventName> = {
  -readonly [K in KeysIn<Events[N], 'details'> | KeysIn<Events[N], 'caveats'>]?: string;
};

/** The events of which equal ones are counted. */
export type CountedName = {
  [N in EventName]: Events[N] extends { readonly counted: string } ? N : never;
}[EventName];

export const eventNames = Object.keys(events) as readonly EventName[];

export function isCounted(name: string): name is CountedName {
  return Object.hasOwn(events, name) && eventDeclarations[name as EventName].counted !== undefined;
}

export const countedNames = eventNames.filter(isCounted);
