import { idOfParts } from '../../base/id-of-parts.js';
import type { SentPriority } from '../../contract/priority.js';
import { frameBytes, largestMessageBytes, unitBytes, unitsOf } from '../hub/message-size.js';
import { envelopeText, type Envelope, type OutgoingMessage } from '../hub/message.js';
import type { QueueName, StoredEvent } from '../spool/spool.js';

/** The oldest events of each queue that are not sent yet, in the order of the queue. */
interface Candidates {
  readonly operational: readonly StoredEvent[];
  /** The queue that is due. */
  readonly main: readonly StoredEvent[];
  /** The other one, for the room that is left. */
  readonly filling: readonly StoredEvent[];
}

export interface BatchOptions {
  readonly envelope: Envelope;
  readonly priority: SentPriority;
  /** Largest message, body and properties together; an event that is larger by itself goes alone. */
  readonly limitBytes: number;
  /** Fill the whole message from the other queue, and not only the metered unit that is begun anyway. */
  readonly fillWhole: boolean;
}

export interface Batch {
  /** Absent when no event was left to send. */
  readonly message: OutgoingMessage | undefined;
  /** Body and properties, in bytes. */
  readonly sizeBytes: number;
  readonly eventCount: number;
  /** As they are in the message. */
  readonly events: readonly StoredEvent[];
  /** Up to which sequence each queue is dealt with once this message is acknowledged. */
  readonly through: Partial<Record<QueueName, number>>;
  /** Events that fit no message that the hub takes, not even alone; dealt with by being dropped. */
  readonly tooLarge: readonly StoredEvent[];
}

/**
 * Builds one message: operational events, then those of the queue that is due, then those of the other queue as far as
 * there is room. Events are taken from the front of each queue only, so that their order is kept, and go in as they
 * are. The same events give the same message, id and time included. Pure.
 */
export function buildBatch(candidates: Candidates, options: BatchOptions): Batch {
  const { envelope, priority } = options;
  const limitBytes = Math.min(options.limitBytes, largestMessageBytes);
  const [head, tail] = envelopeText(envelope);
  const emptyBytes = frameBytes(envelope, priority);

  const taken: StoredEvent[] = [];
  const tooLarge: StoredEvent[] = [];
  const through: Partial<Record<QueueName, number>> = {};
  let sizeBytes = emptyBytes;

  const take = (events: readonly StoredEvent[], untilBytes: number): boolean => {
    for (const event of events) {
      if (emptyBytes + event.sizeBytes > largestMessageBytes) {
        tooLarge.push(event);
      } else {
        const withEvent = sizeBytes + event.sizeBytes + (taken.length > 0 ? 1 : 0);
        // It was stored when messages were allowed to be larger: to lose it would be worse.
        const goesAlone = taken.length === 0 && untilBytes === limitBytes;
        if (withEvent > untilBytes && !goesAlone) return false;
        taken.push(event);
        sizeBytes = withEvent;
      }
      through[event.queue] = event.sequence;
    }
    return true;
  };

  const hasRoom = take(candidates.operational, limitBytes) && take(candidates.main, limitBytes);
  if (hasRoom) {
    const unitEnd = taken.length === 0 ? 0 : unitsOf(sizeBytes) * unitBytes;
    take(candidates.filling, options.fillWhole ? limitBytes : Math.min(unitEnd, limitBytes));
  }
  if (taken.length === 0) {
    return { message: undefined, sizeBytes: 0, eventCount: 0, events: [], through, tooLarge };
  }
  const body = head + taken.map(({ json }) => json).join(',') + tail;
  const newestWallMs = taken.reduce((newest, event) => Math.max(newest, event.storedWallMs), 0);
  const { securityMarker, hubResourceId } = envelope;
  return {
    message: {
      body,
      messageId: idOfParts([body]),
      priority,
      creationTimeUtc: new Date(newestWallMs).toISOString(),
      securityMarker,
      ...(hubResourceId === '' ? {} : { hubResourceId }),
    },
    sizeBytes,
    eventCount: taken.length,
    events: taken,
    through,
    tooLarge,
  };
}
