import type { Client, PublishPacket } from 'aedes';
import type { Admission } from './connect-check.js';

/** What a client published. */
export interface Publication {
  readonly from: Admission;
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
  /** The client had it said for the case that its connection ends without its own doing. */
  readonly isWill: boolean;
}

/** What is done with a publish: the connection ends over `close`. */
export type Reaction =
  | 'acknowledge'
  | 'withhold-acknowledgement'
  | { readonly acknowledgeAfterMs: number }
  | { readonly close: string };

/** Has the broker react; gives why the connection has to end, if it has to. */
export function carryOut(
  reaction: Reaction,
  client: Client,
  packet: PublishPacket,
): string | undefined {
  packet.retain = false;
  if (reaction === 'acknowledge') return undefined;
  if (typeof reaction === 'object' && 'close' in reaction) return reaction.close;
  if (typeof reaction === 'object' && packet.qos === 1) {
    const { messageId = 0 } = packet;
    setTimeout(() => acknowledge(client, messageId), reaction.acknowledgeAfterMs).unref();
  }
  packet.qos = 0; // the broker then answers nothing, and goes on reading
  return undefined;
}

/** PUBACK, MQTT 3.1.1 §3.4. */
function acknowledge(client: Client, messageId: number): void {
  if (!client.closed) client.conn.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]));
}
