import { twinSettings } from '../../config/twin-settings.js';
import type { SentPriority } from '../../contract/priority.js';
import {
  applicationProperties,
  envelopeText,
  systemProperties,
  type Envelope,
  type OutgoingMessage,
} from './message.js';

/*
 * The size of a message is what its body and its properties take together, in bytes. Body and properties are:
 *
 *   envelope  event , event , event  end   +  properties, percent-encoded in the MQTT topic
 *   └─ frame ─┘                     └─────────── frame ──────────────────────────────────┘
 */

/** What the hub meters as one message, in bytes. */
export const unitBytes = 4096;

/** What no message may exceed at the hub, in bytes; the setting for the size of messages allows no more either. */
export const largestMessageBytes: number = twinSettings.maxMessageSizeInBytes.maximum;

/** Metered units of a message of so many bytes. */
export function unitsOf(sizeBytes: number): number {
  return Math.max(1, Math.ceil(sizeBytes / unitBytes));
}

/**
 * Bytes that the properties add to a message, counted as they stand percent-encoded in the MQTT topic. The hub
 * counts the decoded values, so this is never less than what the hub counts.
 */
export function propertiesSizeBytes(message: Omit<OutgoingMessage, 'body'>): number {
  const pairs = Object.entries({
    ...systemProperties(message),
    ...applicationProperties(message),
  }).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  return pairs.join('&').length;
}

/** Bytes of a message without events. Its id and its time take the same room in every message. */
export function frameBytes(envelope: Envelope, priority: SentPriority): number {
  const { securityMarker, hubResourceId } = envelope;
  const properties = propertiesSizeBytes({
    messageId: '00000000-0000-8000-8000-000000000000',
    priority,
    creationTimeUtc: '2000-01-01T00:00:00.000Z',
    securityMarker,
    ...(hubResourceId === '' ? {} : { hubResourceId }),
  });
  return Buffer.byteLength(envelopeText(envelope).join('')) + properties;
}

/**
 * Bytes of the largest frame that a message can come to have. An event is stored before it is sent: until then the twin
 * may ask for the longest `hubResourceId`, each character of it percent-encoded, and the agent may become one of a
 * longer version.
 */
export const largestFrameBytes = frameBytes(
  {
    agentVersion: '0'.repeat(64),
    agentId: '00000000-0000-4000-8000-000000000000',
    hubResourceId: '&'.repeat(twinSettings.hubResourceId.format.maxLength),
    securityMarker: true,
  },
  'High',
);

/** The largest JSON of one event, in bytes, that certainly fits into a message of at most `messageBytes`. */
export function largestEventBytes(messageBytes: number): number {
  return messageBytes - largestFrameBytes;
}

/**
 * The largest JSON of one snapshot, in bytes: what the hub takes in a message, whatever the setting for the size of
 * messages says, though no more than a quarter of the local cache, so that it drives out little else. Never less than
 * any event may have.
 */
export function largestSnapshotBytes(messageBytes: number, cacheBytes: number): number {
  const room = Math.min(largestEventBytes(largestMessageBytes), Math.floor(cacheBytes / 4));
  return Math.max(largestEventBytes(messageBytes), room);
}
