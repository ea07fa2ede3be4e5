import type { Clock } from '../../base/clock.js';
import type { ModuleCredentials } from '../identity/credentials/credentials.js';
import type { HubError } from './failure.js';
import { propertiesSizeBytes } from './message-size.js';
import type { OutgoingMessage } from './message.js';

/** A hub answers a message that it does not take at once; over a slow link that takes seconds. */
const soonMs = 10_000;
/** In an id; every hub and gateway takes these as they are. */
const plain = /[A-Za-z0-9._-]/g;

/**
 * The messages of one connection that the hub has not acknowledged. MQTT 3.1.1 knows no refusal of a message: a hub
 * closes the connection over one whose topic, size or properties it does not take, as it does over a second client.
 */
export class OpenPublishes {
  private readonly open = new Map<OutgoingMessage, number>();
  private anyAcknowledged = false;

  constructor(
    private readonly clock: Pick<Clock, 'monotonicMs'>,
    private readonly identity: Pick<ModuleCredentials, 'deviceId' | 'moduleId'>,
  ) {}

  sent(message: OutgoingMessage): void {
    this.open.set(message, this.clock.monotonicMs());
  }

  acknowledged(message: OutgoingMessage): void {
    this.open.delete(message);
    this.anyAcknowledged = true;
  }

  /**
   * Says that a message may be the cause of the end of the connection, in sentences; undefined when one was
   * acknowledged before, or none was on its way, or not lately.
   */
  suspicion({ kind }: Pick<HubError, 'kind'>): string | undefined {
    if ((kind !== 'dropped' && kind !== 'network') || this.anyAcknowledged) return undefined;
    const [first] = this.open;
    if (first === undefined || this.clock.monotonicMs() - first[1] > soonMs) return undefined;
    const [message] = first;
    const { deviceId, moduleId } = this.identity;
    const topic = `devices/${deviceId}/modules/${moduleId}/messages/events/`;
    const sizeBytes = Buffer.byteLength(message.body) + propertiesSizeBytes(message);
    const odd = [...new Set(`${deviceId}${moduleId}`.replace(plain, ''))];
    const doubt = odd.length === 0 ? '' : `; the topic holds ${odd.join(' ')}, which may be why`;
    return `That was right after a message of ${sizeBytes} bytes was published on ${topic} and before any was acknowledged: a hub closes the connection, without a reason, over a topic, a size or a property that it does not take${doubt}.`;
  }
}
