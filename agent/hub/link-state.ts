import type { JsonObject } from '../../base/json.js';
import type { HubError } from './failure.js';
import type { TwinDocument } from './hub-client.js';

/** What the link to the hub is doing. Its modes are described at `HubLink`. */
export type LinkState =
  | { readonly name: 'stopped' }
  /** Not connected yet; the first attempt is `connectInMs` after this state began. */
  | { readonly name: 'starting'; readonly connectInMs: number }
  | { readonly name: 'connecting' }
  | { readonly name: 'connected' }
  /** The connection is given up; its remains are being put away. */
  | { readonly name: 'closing' }
  /** Not connected; the next attempt is `retryInMs` after this state began. */
  | { readonly name: 'waiting'; readonly failure: HubError; readonly retryInMs: number };

/** All listeners are called in the order of what happened, and must not throw. */
export interface LinkListener {
  onTwin?(twin: TwinDocument): void;
  onDesiredPatch?(patch: JsonObject): void;
  onState?(state: LinkState): void;
}
