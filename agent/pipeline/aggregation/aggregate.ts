import { clockIsSetAfterMs } from '../../../base/clock.js';
import { localText, utcText } from '../../../base/timestamps.js';
import type { aggregateDetails } from '../../../contract/common-details.js';
import type { Payload } from '../../../contract/events.js';
import type { AggregatedName } from './identity.js';

/** Hits with one identity since the start of their window. All times are wall clock, ms since the epoch. */
export interface Aggregate<N extends AggregatedName = AggregatedName> {
  /** GUID, fixed at the opening; with what is counted until the end it makes the id of the event. */
  readonly id: string;
  readonly name: N;
  /** The payload without ExtraDetails, per-instance fields zeroed. */
  readonly identity: Payload<N>;
  startMs: number;
  hitCount: number;
  firstSeenMs: number;
  lastSeenMs: number;
  /** SHA-256 of the executable; empty while no hit knew it. */
  hash: string;
  /** Hits for which it could not be known. */
  unhashedHits: number;
  /** The other ExtraDetails: those that were the same in every hit, and the caveats that any hit had. */
  extraDetails: Readonly<Record<string, string>>;
  /** The clock was set while this was open, and its times were corrected. */
  timeCorrectedFromMs?: number;
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

/** Whether the times are to be trusted. An aggregate of an earlier run may have begun before the clock was set. */
function timesOf(
  { startMs, timeCorrectedFromMs }: Aggregate,
  endMs: number,
): Readonly<Record<string, string>> {
  if (timeCorrectedFromMs !== undefined) return { TimeCorrectedFrom: utcText(timeCorrectedFromMs) };
  const spansTheSetting = startMs < clockIsSetAfterMs && endMs >= clockIsSetAfterMs;
  return spansTheSetting ? { ClockNotSet: 'true' } : {};
}

/** The content of the event that a closed aggregate becomes: always the same for the same aggregate and end. */
export function sealAggregate(aggregate: Aggregate, endMs: number): SealedAggregate {
  const { id, name, identity, startMs, hitCount, firstSeenMs, lastSeenMs } = aggregate;
  const { hash, unhashedHits } = aggregate;
  const window: Record<keyof typeof aggregateDetails, string> = {
    HitCount: String(hitCount),
    StartTimeLocal: localText(startMs),
    StartTimeUtc: utcText(startMs),
    EndTimeLocal: localText(endMs),
    EndTimeUtc: utcText(endMs),
    FirstSeenUtc: utcText(firstSeenMs),
    LastSeenUtc: utcText(lastSeenMs),
  };
  const unhashed = hash !== '' && unhashedHits > 0 ? { HitsWithoutHash: String(unhashedHits) } : {};
  const known = name === 'ProcessCreate' ? { Hash: hash, ...unhashed } : {};
  const times = timesOf(aggregate, endMs);
  const ExtraDetails = { ...aggregate.extraDetails, ...window, ...known, ...times };
  return { id, name, payload: { ...identity, ExtraDetails }, endMs };
}
