import type { Duplex } from 'node:stream';
import { Aedes, type Client, type PublishPacket } from 'aedes';
import type { ClientCertificate } from './client-certificate.js';
import { heldKeepAlive, levelOf, refusal, watchPackets } from './client-packets.js';
import {
  checkConnect,
  type Admission,
  type ConnectHub,
  type Refusal,
  type RefusalCode,
} from './connect-check.js';
import type { Faults } from './faults.js';
import { addressOf, clientIdOf, type Address } from './identities.js';
import { carryOut, type Publication, type Reaction } from './publication.js';
import { Subscriptions } from './subscriptions.js';

/*
 * 1. A client is connected only after its credentials were checked, and no longer than they are valid.
 * 2. One client id has one connection: a new one ends the old one.
 * 3. What a client publishes goes to the hub alone, never to a client.
 */

const longestNodeTimerMs = 0x7fff_ffff;

export interface ConnectionEvent extends Address {
  readonly kind: 'connected' | 'disconnected' | 'refused';
  /** Why it ended or was refused; for `connected` whether a session was found. */
  readonly reason: string;
  /** CONNACK code of a refusal. */
  readonly code?: RefusalCode;
}

interface BrokerOptions extends ConnectHub {
  readonly onPublication: (publication: Publication) => Reaction;
  readonly onConnection: (event: ConnectionEvent) => void;
  readonly faults: Readonly<Faults>;
}

interface Session {
  readonly client: Client;
  readonly expiry: NodeJS.Timeout | undefined;
}

/** MQTT with the rules of IoT Hub about who connects and what is subscribed. */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #aedes: Aedes;
  readonly #subscriptions: Subscriptions;
  readonly #certificates = new WeakMap<Client, ClientCertificate>();
  readonly #admissions = new WeakMap<Client, Admission>();
  readonly #closeReasons = new WeakMap<Client, string>();
  readonly #wills = new WeakMap<Client, object>();
  readonly #sessions = new Map<string, Session>();

  private constructor(options: BrokerOptions, aedes: Aedes) {
    this.#options = options;
    this.#aedes = aedes;
    this.#subscriptions = new Subscriptions(aedes, options.identities);
  }

  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options, await Aedes.createBroker());
    broker.#wire();
    await broker.#subscriptions.restore();
    return broker;
  }

  /** Takes a connection on which a client is about to say CONNECT. */
  accept(stream: Duplex, certificate: ClientCertificate | undefined): void {
    const client = this.#aedes.handle(stream);
    if (certificate !== undefined) this.#certificates.set(client, certificate);
    watchPackets(client, () => {
      const reason = 'its protocol level is neither 3, 4 nor 5';
      this.#refuse(client, { protocolLevel: 0, clientId: '' }, { code: 1, reason });
    });
  }

  isConnected(address: Address): boolean {
    return this.#sessions.has(clientIdOf(address));
  }

  /** Publishes to one client when it is connected and subscribed, and says whether it was. */
  sendTo(address: Address, filter: string, topic: string, body: string): boolean {
    const client = this.#sessions.get(clientIdOf(address))?.client;
    if (client === undefined || !this.#subscriptions.has(client, filter)) return false;
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

  /** All connections are about to end, for this reason. */
  expectEnd(reason: string): void {
    for (const { client } of this.#sessions.values()) this.#closeReasons.set(client, reason);
  }

  async loseSession(address: Address): Promise<void> {
    this.disconnect(address, 'the session was lost on demand');
    await this.#subscriptions.lose(address);
  }

  async stop(): Promise<void> {
    this.expectEnd('the hub stopped');
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
  }

  #wire(): void {
    const aedes = this.#aedes;
    aedes.preConnect = (client, packet, callback) => {
      const request = {
        protocolLevel: levelOf(packet),
        clientId: packet.clientId,
        username: packet.username,
        password: packet.password?.toString('utf8'),
        certificate: this.#certificates.get(client),
        will: packet.will,
      };
      const verdict = this.#check(request);
      if ('code' in verdict) {
        this.#refuse(client, request, verdict);
        // No callback: the broker would destroy the socket before the answer is out.
        return;
      }
      const replaced = this.#sessions.get(request.clientId)?.client;
      if (replaced !== undefined) this.#closeReasons.set(replaced, 'the same client id connected');
      this.#admissions.set(client, verdict);
      if (packet.will !== undefined) this.#wills.set(client, packet.will);
      packet.keepalive = heldKeepAlive(packet.keepalive ?? 0);
      this.#subscriptions.begin(client);
      callback(null, true);
    };
    aedes.authorizeSubscribe = (client, subscription, callback) =>
      callback(null, this.#subscriptions.add(client, subscription) ? subscription : null);
    aedes.authorizePublish = (client, packet, callback) =>
      callback(client === null ? null : this.#publish(client, packet));
    aedes.authorizeForward = (_client, packet) =>
      'clientId' in packet && packet.clientId !== undefined ? null : packet;
    aedes.on('client', (client) => this.#connected(client));
    aedes.on('clientError', (client, error) => {
      if (!this.#closeReasons.has(client)) this.#closeReasons.set(client, error.message);
    });
    aedes.on('clientDisconnect', (client) => this.#disconnected(client));
    aedes.on('unsubscribe', (filters, client) => {
      if (!client.closed) this.#subscriptions.remove(client, filters);
    });
  }

  #check(request: Parameters<typeof checkConnect>[0]): ReturnType<typeof checkConnect> {
    const { refuseConnectWith: code, tokenLifeMs } = this.#options.faults;
    if (code !== undefined) return { code, reason: 'refused on demand' };
    const nowMs = Date.now();
    const verdict = checkConnect(request, this.#options, nowMs);
    if (tokenLifeMs === undefined || 'code' in verdict) return verdict;
    return { ...verdict, expiresAtMs: Math.min(verdict.expiresAtMs, nowMs + tokenLifeMs) };
  }

  #refuse(
    client: Client,
    { clientId, protocolLevel }: { readonly clientId: string; readonly protocolLevel: number },
    { code, reason }: Refusal,
  ): void {
    client.conn.write(refusal(protocolLevel, code), () => client.close());
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
    const found = this.#subscriptions.connected(client);
    const reason = found ? 'its session was kept' : 'it has a new session';
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

  /** Gives the error that makes the broker end the connection, or null. */
  #publish(client: Client, packet: PublishPacket): Error | null {
    const from = this.#admissions.get(client);
    if (from === undefined) return new Error('not connected');
    const { topic, retain } = packet;
    const payload = Buffer.from(packet.payload);
    const reaction: Reaction =
      packet.qos === 2
        ? { close: 'it published with quality of service 2' }
        : this.#options.onPublication({
            from,
            topic,
            payload,
            retain,
            isWill: this.#wills.get(client) === packet,
          });
    const fault = carryOut(reaction, client, packet);
    if (fault !== undefined) this.#closeReasons.set(client, fault);
    return fault === undefined ? null : new Error(fault);
  }
}
