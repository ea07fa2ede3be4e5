import type { Aedes, Client, Subscription } from 'aedes';
import { addressOf, clientIdOf, type Address, type Identities } from './identities.js';
import { maySubscribe } from './topics.js';

const mostSubscriptions = 5;
/**
 * The broker takes a session for one that has subscriptions; this one, under which nothing is published, stands for a
 * session without any (MQTT 3.1.1 §3.1.2.4).
 */
const sessionFilter = '$local-hub/session';

/** The part of the broker's session store that is used here. */
interface SubscriptionStore {
  addSubscriptions(
    client: { id: string },
    subscriptions: readonly { topic: string; qos: 0 | 1 }[],
  ): Promise<void>;
  cleanSubscriptions(client: { id: string }): Promise<unknown>;
}

/**
 * Who listens to what: documented filters only, and few. Those of a client that asked for a persistent session outlive
 * its connection and the hub's process.
 */
export class Subscriptions {
  readonly #identities: Identities;
  readonly #store: SubscriptionStore;
  readonly #filters = new WeakMap<Client, Set<string>>();
  /** Clients whose session was found. */
  readonly #resumed = new WeakSet<Client>();

  constructor(aedes: Aedes, identities: Identities) {
    this.#identities = identities;
    this.#store = (aedes as unknown as { persistence: SubscriptionStore }).persistence;
  }

  /** Hands what was kept to the broker; call it before clients come. */
  async restore(): Promise<void> {
    for (const identity of this.#identities.all()) {
      if (identity.hasSession !== true && identity.subscriptions.length === 0) continue;
      await this.#store.addSubscriptions({ id: clientIdOf(identity) }, [
        { topic: sessionFilter, qos: 0 },
        ...identity.subscriptions,
      ]);
    }
  }

  /** A client connects; kept filters are asked for again by the broker. */
  begin(client: Client): void {
    this.#filters.set(client, new Set());
  }

  /** The broker has taken the client. @returns whether a session was found. */
  connected(client: Client): boolean {
    if (client.clean) this.#remember(client, [], false);
    else {
      this.#remember(client, this.#kept(client), true);
      void this.#store.addSubscriptions(client, [{ topic: sessionFilter, qos: 0 }]);
    }
    return this.#resumed.has(client);
  }

  has(client: Client, filter: string): boolean {
    return this.#filters.get(client)?.has(filter) === true;
  }

  /** @returns whether it is granted */
  add(client: Client, { topic, qos }: Subscription): boolean {
    if (topic === sessionFilter) this.#resumed.add(client);
    const filters = this.#filters.get(client);
    if (filters === undefined || !maySubscribe(topic, addressOf(client.id))) return false;
    if (!filters.has(topic) && filters.size >= mostSubscriptions) return false;
    filters.add(topic);
    if (!client.clean) {
      const others = this.#kept(client).filter((subscription) => subscription.topic !== topic);
      this.#remember(client, [...others, { topic, qos: qos === 0 ? 0 : 1 }], true);
    }
    return true;
  }

  remove(client: Client, filters: readonly string[]): void {
    for (const filter of filters) this.#filters.get(client)?.delete(filter);
    const kept = this.#kept(client).filter(({ topic }) => !filters.includes(topic));
    this.#remember(client, kept, !client.clean);
  }

  async lose(address: Address): Promise<void> {
    const identity = this.#identities.find(address);
    if (identity !== undefined) {
      identity.subscriptions = [];
      identity.hasSession = false;
      this.#identities.save();
    }
    await this.#store.cleanSubscriptions({ id: clientIdOf(address) });
  }

  #kept(client: Client): readonly { topic: string; qos: 0 | 1 }[] {
    return this.#identities.find(addressOf(client.id))?.subscriptions ?? [];
  }

  #remember(
    client: Client,
    subscriptions: readonly { topic: string; qos: 0 | 1 }[],
    hasSession: boolean,
  ): void {
    const identity = this.#identities.find(addressOf(client.id));
    if (identity === undefined) return;
    const isKnown = JSON.stringify(identity.subscriptions) === JSON.stringify(subscriptions);
    if (isKnown && (identity.hasSession ?? false) === hasSession) return;
    identity.subscriptions = [...subscriptions];
    identity.hasSession = hasSession;
    this.#identities.save();
  }
}
