import { randomUUID } from 'node:crypto';
import { localText, utcText } from '../../base/timestamps.js';
import { events, type EventName, type Payload } from '../../contract/events.js';

/** One event on the wire, see the message contract §3.2; no other members are allowed. */
export interface SecurityEvent {
  readonly Id: string;
  readonly TimestampLocal: string;
  readonly TimestampUTC: string;
  readonly Category: 'Periodic' | 'Triggered' | 'Aggregated';
  readonly Name: EventName;
  readonly EventType: 'Security' | 'Operational' | 'Diagnostic';
  readonly IsEmpty: boolean;
  readonly PayloadSchemaVersion: '1.0';
  readonly Payload: readonly Payload[];
}

export interface EventParts {
  readonly name: EventName;
  readonly payloads: readonly Payload[];
  /** Wall clock, milliseconds since the epoch. */
  readonly timeMs: number;
  readonly id?: string;
  /** Aggregates may carry a category that the public schema does not know. */
  readonly category?: 'Aggregated';
}

/** Makes one event of payloads; with a new id when none is given. */
export function securityEvent({ name, payloads, timeMs, id, category }: EventParts): SecurityEvent {
  const declaration = events[name];
  return {
    Id: id ?? randomUUID(),
    TimestampLocal: localText(timeMs),
    TimestampUTC: utcText(timeMs),
    Category: category ?? declaration.category,
    Name: name,
    EventType: declaration.type,
    IsEmpty: payloads.length === 0,
    PayloadSchemaVersion: '1.0',
    Payload: payloads,
  };
}

/** Bytes of the longest event of each name around its payloads. Its id and its times take the same room in every event. */
export const eventFrameBytes: Readonly<Record<EventName, number>> = framesOf(
  Object.keys(events) as EventName[],
);

function framesOf(names: readonly EventName[]): Record<EventName, number> {
  const frameOf = (name: EventName): number => {
    const empty = securityEvent({ name, payloads: [], timeMs: 0, category: 'Aggregated' });
    return Buffer.byteLength(JSON.stringify({ ...empty, IsEmpty: false }));
  };
  return Object.fromEntries(names.map((name) => [name, frameOf(name)])) as Record<
    EventName,
    number
  >;
}
