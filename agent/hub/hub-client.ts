import type { JsonObject } from '../../base/json.js';
import type { HubError } from './failure.js';
import type { OutgoingMessage } from './message.js';

/** Both halves of a module twin as a GET answers them; each holds its `$version`. */
export interface TwinDocument {
  readonly desired: JsonObject;
  readonly reported: JsonObject;
}

/** What a client says without being asked. After `close` was called nothing is said any more. */
export interface HubClientEvents {
  /** A change of the desired properties: only the changed keys, `null` for removed ones, and `$version`. */
  desiredPatch(patch: JsonObject): void;
  /** The connection is lost; the client is of no use any more. Said at most once. */
  disconnected(failure: HubError): void;
  /** The connection was renewed under the same client (a new token): notifications may have been missed meanwhile. */
  renewed(): void;
  /** The hub sent something that cannot be used; it was dropped. */
  unusable(what: string): void;
}

/**
 * One life of a connection: opened once, closed once, then thrown away. Every method rejects with a `HubError`;
 * none has a deadline of its own, the link sets those.
 */
export interface HubClient {
  /** Connects and subscribes to changes of the desired properties. */
  open(): Promise<void>;
  /** Reads the whole twin. */
  readTwin(): Promise<TwinDocument>;
  /** Sends a merge patch of the reported properties; resolves when the hub accepted it. */
  report(patch: JsonObject): Promise<void>;
  /** Publishes at QoS 1; resolves with the hub's PUBACK. */
  send(message: OutgoingMessage): Promise<void>;
  /** Never rejects; may take for ever while an acknowledgement is outstanding, see `abandon`. */
  close(): Promise<void>;
  /** Cuts the connection without waiting for anything. */
  abandon(): void;
}
