import { HubError } from '../../agent/hub/failure.js';
import type { LinkListener, LinkState } from '../../agent/hub/link-state.js';
import type { OutgoingMessage } from '../../agent/hub/message.js';

interface Sending {
  readonly message: OutgoingMessage;
  readonly acknowledge: () => void;
  readonly fail: () => void;
}

/** A link that a test connects and cuts, and whose acknowledgements it gives. */
export class ScriptedLink {
  connected = false;
  connecting = false;
  /** Acknowledge at once. */
  automatic = true;
  /** While acknowledging at once: the connection ends over larger bodies, in bytes. */
  refusesOver: number | undefined;
  readonly messages: OutgoingMessage[] = [];
  /** Those that were acknowledged at once. */
  readonly arrived: OutgoingMessage[] = [];
  open: Sending[] = [];
  private readonly listeners = new Set<LinkListener>();

  listen(listener: LinkListener): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  send(message: OutgoingMessage): Promise<void> {
    this.messages.push(message);
    if (this.automatic) {
      if (message.body.length <= (this.refusesOver ?? Infinity)) {
        this.arrived.push(message);
        return Promise.resolve();
      }
      this.connected = false;
      this.tell({ name: 'closing' });
      return Promise.reject(new HubError('dropped', 'the connection was ended'));
    }
    return new Promise((resolve, reject) => {
      this.open.push({
        message,
        acknowledge: resolve,
        fail: () => reject(new HubError('timeout', 'no acknowledgement')),
      });
    });
  }

  connect(): void {
    this.connecting = false;
    this.connected = true;
    this.tell({ name: 'connected' });
  }

  /** Everything that is open fails with the connection. */
  cut(): void {
    this.connected = false;
    this.tell({ name: 'closing' });
    for (const sending of this.open.splice(0)) sending.fail();
  }

  private tell(state: LinkState): void {
    for (const listener of this.listeners) listener.onState?.(state);
  }
}

/** The ids of the events of a message, in order. */
export function idsOf(message: OutgoingMessage): string[] {
  const { Events } = JSON.parse(message.body) as { Events: { Id: string }[] };
  return Events.map(({ Id }) => Id);
}
