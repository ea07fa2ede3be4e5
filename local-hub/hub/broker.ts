import type { TLSSocket } from 'node:tls';
import { Aedes, type Client, type ConnectPacket, type PublishPacket } from 'aedes';
import type { ServerCertificate } from './certificates.js';
import { heldKeepAlive, refusal, watchPackets } from './client-packets.js';
import { checkConnect, type Admission, type Refusal, type RefusalCode } from './connect-check.js';
import type { Faults } from './faults.js';
import { HttpFront } from './http-front.js';
import { addressOf, clientIdOf, type Address, type Identities } from './identities.js';
import { Subscriptions } from './subscriptions.js';
import { TlsListener } from './tls-listener.js';

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

interface BrokerOptions {
  readonly port: number;
  readonly hubName: string;
  readonly certificate: ServerCertificate;
  readonly identities: Identities;
  readonly onPublication: (publication: Publication) => Reaction;
  readonly onConnection: (event: ConnectionEvent) => void;
  readonly faults: Readonly<Faults>;
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
  readonly #subscriptions: Subscriptions;
  readonly #admissions = new WeakMap<Client, Admission>();
  readonly #closeReasons = new WeakMap<Client, string>();
  readonly #wills = new WeakMap<Client, object>();
  readonly #sessions = new Map<string, Session>();

  private constructor(options: BrokerOptions, aedes: Aedes) {
    this.#options = options;
    const http = new HttpFront();
    this.#aedes = aedes;
    this.#subscriptions = new Subscriptions(aedes, options.identities);
    this.#listener = new TlsListener(options.certificate, (socket) => {
      socket.setNoDelay(true);
      if (!options.faults.silent) http.handle(socket, () => this.#handle(socket));
    });
  }

  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options, await Aedes.createBroker());
    broker.#wire();
    await broker.#subscriptions.restore();
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

  /** Ends every connection: in order (FIN) or as a crash of the network does (RST). */
  dropConnections(how: 'fin' | 'rst'): void {
    for (const { client } of this.#sessions.values()) {
      this.#closeReasons.set(client, 'dropped on demand');
    }
    this.#listener.dropConnections(how);
  }

  async loseSession(address: Address): Promise<void> {
    this.disconnect(address, 'the session was lost on demand');
    await this.#subscriptions.lose(address);
  }

  /** From now on nothing on the present connections is read or written; they stay open. */
  freezeConnections(): void {
    this.#listener.freezeConnections();
  }

  async stop(): Promise<void> {
    for (const { client } of this.#sessions.values()) {
      this.#closeReasons.set(client, 'the hub stopped');
    }
    await new Promise<void>((resolve) => this.#aedes.close(resolve));
    await this.#listener.stop();
  }

  #handle(socket: TLSSocket): void {
    const client = this.#aedes.handle(socket);
    watchPackets(client, () => {
      const reason = 'its protocol level is neither 3, 4 nor 5';
      this.#refuse(client, { protocolLevel: 0, clientId: '' }, { code: 1, reason });
    });
  }

  #wire(): void {
    const aedes = this.#aedes;
    aedes.preConnect = (client, packet, callback) => {
      const request = {
        protocolLevel: levelOf(packet),
        clientId: packet.clientId,
        username: packet.username,
        password: packet.password?.toString('utf8'),
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
    const { faults, hubName, identities } = this.#options;
    const { refuseConnectWith: code, tokenLifeMs } = faults;
    if (code !== undefined) return { code, reason: 'refused on demand' };
    const nowMs = Date.now();
    const verdict = checkConnect(request, hubName, identities, nowMs);
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
    packet.retain = false;
    if (reaction === 'acknowledge') return null;
    if (reaction === 'withhold-acknowledgement' || 'acknowledgeAfterMs' in reaction) {
      if (typeof reaction === 'object' && packet.qos === 1) {
        const { messageId = 0 } = packet;
        setTimeout(() => acknowledge(client, messageId), reaction.acknowledgeAfterMs).unref();
      }
      packet.qos = 0; // the broker then answers nothing, and goes on reading
      return null;
    }
    this.#closeReasons.set(client, reaction.close);
    return new Error(reaction.close);
  }
}

/** As on the wire: the highest bit, which bridges set, makes it another one. */
function levelOf(packet: ConnectPacket): number {
  const { bridgeMode, protocolId } = packet as { bridgeMode?: boolean; protocolId?: string };
  const level = (packet.protocolVersion ?? 0) + (bridgeMode === true ? 128 : 0);
  // MQTT 3.1 called itself by another name; that name at level 4 is nothing that exists.
  return level === 4 && protocolId !== 'MQTT' ? 0 : level;
}

/** PUBACK, MQTT 3.1.1 §3.4. */
function acknowledge(client: Client, messageId: number): void {
  if (!client.closed) client.conn.write(Buffer.from([0x40, 2, messageId >> 8, messageId & 0xff]));
}
