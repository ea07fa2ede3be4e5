import type { Clock } from '../../collectors/clock.js';
import type { Payload } from '../../collectors/events.js';

/**
 * The events that are aggregated, each with the function that leaves out what differs from hit to hit. What is
 * left, apart from ExtraDetails, is the identity: hits that agree in it are counted together.
 * Source: message contract §3.4.
 */
export const identities = {
  ProcessCreate: (payload: Payload<'ProcessCreate'>): Payload<'ProcessCreate'> => ({
    Executable: payload.Executable,
    ProcessId: 0,
    ParentProcessId: 0,
    UserId: payload.UserId,
    ...(payload.UserName === undefined ? {} : { UserName: payload.UserName }),
    CommandLine: payload.CommandLine,
  }),
} as const;

export type AggregatedName = keyof typeof identities;

/** Hits with one identity since the start of their window. All times are wall clock, ms since the epoch. */
export interface Aggregate<N extends AggregatedName = AggregatedName> {
  /** GUID of the event that it will become: fixed at the opening, so that a duplicate can be recognised. */
  readonly id: string;
  readonly name: N;
  /** The payload without ExtraDetails, per-instance fields zeroed. */
  readonly identity: Payload<N>;
  readonly startMs: number;
  hitCount: number;
  firstSeenMs: number;
  lastSeenMs: number;
  /** SHA-256 of the executable; empty while no hit knew it. */
  hash: string;
  /** The other ExtraDetails, as far as they were the same in every hit. */
  extraDetails: Readonly<Record<string, string>>;
}

/** A closed aggregate, ready to be an event. */
export interface SealedAggregate<N extends AggregatedName = AggregatedName> {
  readonly id: string;
  readonly name: N;
  /** With ExtraDetails: HitCount, the bounds of the window, FirstSeenUtc, LastSeenUtc, Hash. */
  readonly payload: Payload<N>;
  /** End of the window, the time of the event; wall clock, ms since the epoch. */
  readonly endMs: number;
}

export interface AggregationOptions {
  readonly clock: Clock;
  readonly maxEntries: number;
  /** Estimated bytes of memory of all open aggregates. */
  readonly maxBytes: number;
  readonly onOpened: (aggregate: Aggregate) => void;
  readonly onSealed: (sealed: SealedAggregate) => void;
  readonly newId?: () => string;
}
