import { events } from '../../../contract/events.js';
import { identityOf, isAggregated, type AggregatedName } from './identity.js';
import type { Aggregate } from './aggregate.js';

/** What is journaled: one JSON text per record. */
export type AggregateRecord =
  | { readonly kind: 'open'; readonly aggregate: Aggregate }
  | ({ readonly kind: 'hits'; readonly id: string } & Hits)
  | {
      readonly kind: 'seal';
      readonly id: string;
      readonly endMs: number;
      /** Aggregates that were sealed together have the same number. */
      readonly batch: number;
    }
  | { readonly kind: 'gone'; readonly ids: readonly string[] };

/** What changes while an aggregate is open. */
export type Hits = Pick<
  Aggregate,
  'hitCount' | 'firstSeenMs' | 'lastSeenMs' | 'hash' | 'unhashedHits' | 'extraDetails'
>;

export function hitsOf(aggregate: Hits): Hits {
  const { hitCount, firstSeenMs, lastSeenMs, hash, unhashedHits, extraDetails } = aggregate;
  return { hitCount, firstSeenMs, lastSeenMs, hash, unhashedHits, extraDetails };
}

/** Undefined for what this version did not write. */
export function parseAggregateRecord(json: string): AggregateRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const { kind, id } = value;
  if (kind === 'gone')
    return isTexts(value['ids']) ? { kind, ids: Object.values(value['ids']) } : undefined;
  if (kind === 'open') {
    const aggregate = parseAggregate(value['aggregate']);
    return aggregate === undefined ? undefined : { kind, aggregate };
  }
  if (typeof id !== 'string') return undefined;
  if (kind === 'hits') {
    const hits = parseHits(value);
    return hits === undefined ? undefined : { kind, id, ...hits };
  }
  const { endMs, batch } = value;
  if (kind === 'seal' && isNumber(endMs) && isNumber(batch)) return { kind, id, endMs, batch };
  return undefined;
}

function parseAggregate(value: unknown): Aggregate | undefined {
  if (!isObject(value)) return undefined;
  const { id, name, identity, startMs } = value;
  const hits = parseHits(value);
  if (
    typeof id !== 'string' ||
    typeof name !== 'string' ||
    !isAggregated(name) ||
    !isNumber(startMs)
  )
    return undefined;
  if (hits === undefined || !isIdentity(name, identity)) return undefined;
  return { id, name, identity: identityOf(name, identity), startMs, ...hits };
}

function parseHits(value: Record<string, unknown>): Hits | undefined {
  const { hitCount, firstSeenMs, lastSeenMs, hash, unhashedHits, extraDetails } = value;
  if (!isNumber(hitCount) || !isNumber(firstSeenMs) || !isNumber(lastSeenMs)) return undefined;
  if (typeof hash !== 'string' || !isTexts(extraDetails)) return undefined;
  if (!isNumber(unhashedHits)) return undefined;
  return { hitCount, firstSeenMs, lastSeenMs, hash, unhashedHits, extraDetails };
}

function isIdentity(name: AggregatedName, value: unknown): value is Aggregate['identity'] {
  return (
    isObject(value) &&
    Object.entries(events[name].fields).every(([field, { kind, required }]) => {
      const content = value[field];
      if (content === undefined) return !required;
      return typeof content === (kind === 'integer' ? 'number' : 'string');
    })
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(Math.trunc(value));
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string');
}
