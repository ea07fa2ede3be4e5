import type { EventEmitter } from 'node:events';
import type { Client, ConnectPacket } from 'aedes';

/*
 * Where IoT Hub differs from what the broker does with packets before it asks its hooks.
 */

/** The longest silence that IoT Hub tolerates, whatever the client asked for. */
const longestSilenceSeconds = 1767;

/**
 * The keep-alive by which a client is judged, in seconds: it may be silent for one and a half times as long, and never
 * longer than {@link longestSilenceSeconds}, also when it asked for no limit (0).
 */
export function heldKeepAlive(askedSeconds: number): number {
  const longest = longestSilenceSeconds / 1.5;
  return askedSeconds === 0 ? longest : Math.min(askedSeconds, longest);
}

/** The protocol level as on the wire: the highest bit, which bridges set, makes it another one. */
export function levelOf(packet: ConnectPacket): number {
  const { bridgeMode, protocolId } = packet as { bridgeMode?: boolean; protocolId?: string };
  const level = (packet.protocolVersion ?? 0) + (bridgeMode === true ? 128 : 0);
  // MQTT 3.1 called itself by another name; that name at level 4 is nothing that exists.
  return level === 4 && protocolId !== 'MQTT' ? 0 : level;
}

/** CONNACK of a refusal: MQTT 3.1.1 §3.2, or MQTT 5 §3.2 for a client that speaks that. */
export function refusal(protocolLevel: number, code: number): Buffer {
  // Two bytes follow: no session, the return code.
  if (protocolLevel !== 5) return Buffer.from([0x20, 2, 0, code]);
  // Three bytes follow: no session, the reason ("unsupported protocol version"), no properties.
  return Buffer.from([0x20, 3, 0, 0x84, 0]);
}

/** The part of a packet that is looked at. */
interface Packet {
  readonly cmd?: string;
  readonly subscriptions?: { qos: number }[];
}

/**
 * Looks at the packets of a client before the broker does: a subscription with quality of service 2 is one with 1, and a
 * CONNECT of a protocol level that the broker cannot read is handed to `onUnreadableConnect` instead of being cut off.
 * @throws Error when the broker's inside has changed so much that this cannot be done.
 */
export function watchPackets(client: Client, onUnreadableConnect: () => void): void {
  const { _parser: parser } = client as unknown as { _parser?: EventEmitter };
  if (parser === undefined) throw new Error('The parser of the broker is not where it was.');
  parser.prependListener('packet', ({ cmd, subscriptions = [] }: Packet) => {
    if (cmd !== 'subscribe') return;
    for (const subscription of subscriptions) subscription.qos = Math.min(subscription.qos, 1);
  });
  parser.removeAllListeners('error');
  parser.on('error', (error: Error) => {
    if (/^Invalid protocol (version|id)/i.test(error.message)) onUnreadableConnect();
    else client.emit('error', error);
  });
}
