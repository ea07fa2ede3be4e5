import type { Payload } from '../../contract/events.js';

/** What `TimestampUTC` adds to a payload, and what `Part` and `Parts` add, with the comma behind the payload. */
export const timeBytes = 80;
export const partBytes = 56;

/** A payload that waits to be put into an event. */
export interface Waiting {
  readonly payload: Payload;
  readonly timeMs: number;
  readonly sizeBytes: number;
  /** Id of the aggregate that became this payload. */
  readonly partId?: string;
}

/**
 * Parts whose payloads together stay within `roomBytes`, though never without a payload.
 * @param addedBytes what `withDetails` may add to each payload, and the comma
 */
export function* split(
  items: Iterable<Waiting>,
  roomBytes: number,
  addedBytes: number,
): Generator<readonly Waiting[]> {
  let part: Waiting[] = [];
  let takenBytes = 0;
  for (const item of items) {
    const itemBytes = item.sizeBytes + addedBytes;
    if (part.length > 0 && takenBytes + itemBytes > roomBytes) {
      yield part;
      part = [];
      takenBytes = 0;
    }
    part.push(item);
    takenBytes += itemBytes;
  }
  if (part.length > 0) yield part;
}

/** The payload with further members of its ExtraDetails. */
export function withDetails(payload: Payload, details: Record<string, string>): Payload {
  return { ...payload, ExtraDetails: { ...payload.ExtraDetails, ...details } };
}
