import { Aedes, type Client, type PublishPacket, type Subscription } from 'aedes';
import type { ServerCertificate } from './certificates.js';
import { checkConnect, type Admission, type RefusalCode } from './connect-check.js';
import { addressOf, clientIdOf, type Address, type Identities } from './identities.js';
import { TlsListener } from './tls-listener.js';
import { maySubscribe } from './topics.js';

/*
 * 1. A client is connected only after its credentials were checked, and no longer than they are valid.
 * 2. One client id has one connection: a new one ends the old one.
 * 3. What a client publishes goes to the hub alone, never to a client.
 * 4. The subscriptions of a client that asked for a persistent session outlive its connection and the hub's process.
 */

const longestNodeTimerMs = 0x7fff_ffff;
const mostSubscriptions = 5;

export interface ConnectionEvent extends Address {
  readonly kind: 'connected' | 'disconnected' | 'refused';
  /** Why it ended or was refused; for `connected` whether a session was found. */
  readonly reason: string;
  /** CONNACK code of a refusal. */
  readonly code?: RefusalCode;
}

export interface Publication {
  readonly from: Admission;
  readonly topic: string;
  readonly payload: Buffer;
  readonly retain: boolean;
}

/** What is done with a publish: the connection ends over `close`. */
export type Reaction = 'acknowledge' | 'withhold-acknowledgement' | { readonly close: string };

export interface BrokerOptions {
  readonly port: number;
  readonly hubName: string;
  readonly certificate: ServerCertificate;
  readonly identities: Identities;
  readonly onPublication: (publication: Publication) => Reaction;
  readonly onConnection: (event: ConnectionEvent) => void;
  /** Asked at each CONNECT: a code to refuse it with, whatever its credentials. */
  readonly refuseWith: () => RefusalCode | undefined;
}

/** The part of the broker's session store that is used here. */
interface SubscriptionStore {
  addSubscriptions(
    client: { id: string },
    subscriptions: readonly { topic: string; qos: 0 | 1 }[],
  ): Promise<void>;
  cleanSubscriptions(client: { id: string }): Promise<unknown>;
}

interface Session {
  readonly client: Client;
  readonly expiry: NodeJS.Timeout | undefined;
}

/** MQTT over TLS on loopback, with the rules of IoT Hub about who connects and what is subscribed. */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #listener: TlsListener;
  readonly #admissions = new WeakMap<Client, Admission>();
  readonly #filters = new WeakMap<Client, Set<string>>();
  readonly #closeReasons = new WeakMap<Client, string>();
  readonly #sessions = new Map<string, Session>();

  private constructor(options: BrokerOptions, aedes: Aedes) {
    this.#options = options;
    this.#aedes = aedes;
    this.#listener = new TlsListener(options.certificate, (socket) => {
      socket.setNoDelay(true);
      aedes.handle(socket);
    });
  }

  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options, await Aedes.createBroker());
    broker.#wire();
    for (const identity of options.identities.all()) {
      if (identity.subscriptions.length === 0) continue;
      await broker.#store.addSubscriptions({ id: clientIdOf(identity) }, identity.subscriptions);
    }
    await broker.#listener.start(options.port);
    return broker;
  }

  /** The port that is, or was until `stop`, listened on. */
  get port(): number {
    return this.#listener.port;
  }

  isConnected(address: Address): boolean {
    return this.#sessions.has(clientIdOf(address));
  }

  /** Publishes to one client when it is connected and subscribed, and says whether it was. */
  sendTo(address: Address, filter: string, topic: string, body: string): boolean {
    const client = this.#sessions.get(clientIdOf(address))?.client;
    if (client === undefined || this.#filters.get(client)?.has(filter) !== true) return false;
    const payload = Buffer.from(body);
    client.publish({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }, () => {
      // Quality of service 0: nobody waits for the outcome.
    });
    return true;
  }

  disconnect(address: Address, reason: string): void {
    const client = this.#sessions.get(clientIdOf(address))?.client;
    if (client !== undefined) this.#close(client, reason);
  }

  /** Ends every connection: in order (FIN) or as a crash of the network does (RST). */
  dropConnections(how: 'fin' | 'rst'): void {
    for (const { client } of this.#sessions.values()) {
      this.#closeReasons.set(client, 'dropped on demand');
    }
    this.#listener.dropConnections(how);
  }

  async loseSession(address: Address): Promise<void> {
    this.disconnect(address, 'the session was lost on demand');
    const identity = this.#options.identities.find(address);
    if (identity !== undefined) {
      identity.subscriptions = [];
      this.#options.identities.save();
    }
    await this.#store.cleanSubscriptions({ id: clientIdOf(address) });
  }

  async stop(): Promise<void> {
    for (const { client } of this.#sessions.values()) {
      this.#closeReasons.set(client, 'the hub stopped');
    }
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    await this.#listener.stop();
  }

  get #store(): SubscriptionStore {
    return (this.#aedes as unknown as { persistence: SubscriptionStore }).persistence;
  }

  #wire(): void {
    const aedes = this.#aedes;
    aedes.preConnect = (client, packet, callback) => {
      const request = {
        protocolLevel: packet.protocolVersion ?? 0,
        clientId: packet.clientId,
        username: packet.username,
        password: packet.password?.toString('utf8'),
      };
      const verdict = this.#check(request);
      if ('code' in verdict) {
        this.#refuse(client, request.clientId, verdict.code, verdict.reason);
        // No callback: the broker would destroy the socket before the answer is out.
        return;
      }
      const replaced = this.#sessions.get(request.clientId)?.client;
      if (replaced !== undefined) this.#closeReasons.set(replaced, 'the same client id connected');
      this.#admissions.set(client, verdict);
      this.#filters.set(client, new Set());
      callback(null, true);
    };
    aedes.authorizeSubscribe = (client, subscription, callback) =>
      callback(null, this.#subscribe(client, subscription) ? subscription : null);
    aedes.authorizePublish = (client, packet, callback) =>
      callback(client === null ? null : this.#publish(client, packet));
    aedes.authorizeForward = (_client, packet) =>
      'clientId' in packet && packet.clientId !== undefined ? null : packet;
    aedes.on('client', (client) => this.#connected(client));
    aedes.on('clientDisconnect', (client) => this.#disconnected(client));
    aedes.on('unsubscribe', (filters, client) => {
      if (!client.closed) this.#unsubscribe(client, filters);
    });
  }

  #check(request: Parameters<typeof checkConnect>[0]): ReturnType<typeof checkConnect> {
    const code = this.#options.refuseWith();
    if (code !== undefined) return { code, reason: 'refused on demand' };
    return checkConnect(request, this.#options.hubName, this.#options.identities, Date.now());
  }

  #refuse(client: Client, clientId: string, code: RefusalCode, reason: string): void {
    // CONNACK, MQTT 3.1.1 §3.2: two bytes follow, no session, the code.
    client.conn.write(Buffer.from([0x20, 2, 0, code]), () => client.close());
    this.#options.onConnection({ kind: 'refused', ...addressOf(clientId), code, reason });
  }

  #connected(client: Client): void {
    const admission = this.#admissions.get(client);
    if (admission === undefined) return;
    const lifeMs = admission.expiresAtMs - Date.now();
    const expiry =
      lifeMs > longestNodeTimerMs
        ? undefined
        : setTimeout(() => this.#close(client, 'the token expired'), lifeMs);
    expiry?.unref();
    this.#sessions.set(client.id, { client, expiry });
    const found = this.#filters.get(client)?.size ?? 0;
    if (client.clean) this.#remember(client, []);
    const reason = found > 0 ? 'its session was kept' : 'it has a new session';
    this.#options.onConnection({ kind: 'connected', ...admission.address, reason });
  }

  #disconnected(client: Client): void {
    const session = this.#sessions.get(client.id);
    if (session?.client !== client) return;
    clearTimeout(session.expiry);
    this.#sessions.delete(client.id);
    const reason = this.#closeReasons.get(client) ?? 'the client or the network closed it';
    this.#options.onConnection({ kind: 'disconnected', ...addressOf(client.id), reason });
  }

  #close(client: Client, reason: string): void {
    this.#closeReasons.set(client, reason);
    client.close();
  }

  #subscribe(client: Client, { topic, qos }: Subscription): boolean {
    const filters = this.#filters.get(client);
    if (filters === undefined || !maySubscribe(topic, addressOf(client.id))) return false;
    if (!filters.has(topic) && filters.size >= mostSubscriptions) return false;
    filters.add(topic);
    if (!client.clean) {
      const kept = this.#options.identities.find(addressOf(client.id))?.subscriptions ?? [];
      const others = kept.filter((subscription) => subscription.topic !== topic);
      this.#remember(client, [...others, { topic, qos: qos === 0 ? 0 : 1 }]);
    }
    return true;
  }

  #unsubscribe(client: Client, filters: readonly string[]): void {
    for (const filter of filters) this.#filters.get(client)?.delete(filter);
    const kept = this.#options.identities.find(addressOf(client.id))?.subscriptions ?? [];
    this.#remember(
      client,
      kept.filter(({ topic }) => !filters.includes(topic)),
    );
  }

  #remember(client: Client, subscriptions: { topic: string; qos: 0 | 1 }[]): void {
    const identity = this.#options.identities.find(addressOf(client.id));
    if (identity === undefined) return;
    if (JSON.stringify(identity.subscriptions) === JSON.stringify(subscriptions)) return;
    identity.subscriptions = subscriptions;
    this.#options.identities.save();
  }

  /** Gives the error that makes the broker end the connection, or null. */
  #publish(client: Client, packet: PublishPacket): Error | null {
    const from = this.#admissions.get(client);
    if (from === undefined) return new Error('not connected');
    const { topic, retain } = packet;
    const payload = Buffer.from(packet.payload);
    const reaction: Reaction =
      packet.qos === 2
        ? { close: 'it published with quality of service 2' }
        : this.#options.onPublication({ from, topic, payload, retain });
    packet.retain = false;
    if (reaction === 'acknowledge') return null;
    if (reaction === 'withhold-acknowledgement') {
      packet.qos = 0; // the broker then answers nothing, and goes on reading
      return null;
    }
    this.#closeReasons.set(client, reaction.close);
    return new Error(reaction.close);
  }
}
