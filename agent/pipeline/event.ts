import { createHash, randomUUID } from 'node:crypto';
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

/**
 * The id of an event that may be made again, after a crash for example: the same parts give the same id, so that it is
 * recognised as a duplicate, and one with other parts is not taken for it.
 */
export function idOfParts(parts: readonly string[]): string {
  const digest = createHash('sha256').update(parts.join('\n')).digest('hex');
  // The form of a version 8 UUID, RFC 9562 §5.8.
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `8${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
}
