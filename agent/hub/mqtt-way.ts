import { Agent } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { openTunnel, type Proxy, type TunnelTarget } from '../identity/services/proxy-tunnel.js';
import { LateStream } from './late-stream.js';

/** How the hub is reached. */
export interface Way {
  readonly transport: 'mqtt' | 'mqtt-websocket';
  /** Holds a secret. */
  readonly proxy: Proxy | undefined;
  /** Longest wait for a tunnel. */
  readonly timeoutMs: number;
  /** Why there is no tunnel; whoever hears of it later hears less. */
  readonly onNoTunnel: (error: unknown) => void;
}

/** The part of mqtt.js that the SDK uses, and what of it makes a client over any stream. */
interface MqttLibrary {
  connect(uri: string, options: MqttOptions): MqttClient;
  readonly MqttClient: new (
    build: (client: MqttClient) => Duplex,
    options: MqttOptions,
  ) => MqttClient;
}

interface MqttClient extends NodeJS.EventEmitter {
  readonly stream: Duplex;
}

/** What the SDK asks mqtt.js for. Holds secrets. */
type MqttOptions = ConnectionOptions & Readonly<Record<string, unknown>>;

/** Where IoT Hub takes WebSockets. */
const webSocketPath = '/$iothub/websocket';
/** The largest message that the hub takes or sends has 256 KB, a twin less. */
const largestFrameBytes = 1_048_576;

/**
 * Has a transport of the SDK take this way, and tell why it failed. The SDK itself knows WebSockets on one port alone, and
 * a proxy for them alone.
 * @throws Error when the SDK's inside has changed so much that this cannot be done
 */
export function takeWay(transport: unknown, way: Way): void {
  const base = (transport as { _mqtt?: { mqttProvider?: Partial<MqttLibrary> } } | undefined)
    ?._mqtt;
  const library = base?.mqttProvider;
  if (base === undefined || !isLibrary(library)) {
    throw new Error('The MQTT layer of the device SDK is not where this version expects it.');
  }
  const defaultPort = way.transport === 'mqtt' ? 8883 : 443;
  base.mqttProvider = {
    connect: (uri, options) => {
      if (way.transport === 'mqtt' && way.proxy === undefined) {
        return telling(library.connect(uri, options));
      }
      const { hostname: host, port } = new URL(uri.replace(/^\w+:/, 'https:'));
      // That of HTTPS is left out of what was parsed.
      const target = { host, port: Number(port || portIn(uri) || defaultPort) };
      return way.transport === 'mqtt'
        ? overTunnel(library, target, options, way)
        : overWebSocket(library, target, options, way);
    },
  };
}

function isLibrary(library: Partial<MqttLibrary> | undefined): library is MqttLibrary {
  return typeof library?.connect === 'function' && typeof library.MqttClient === 'function';
}

function portIn(uri: string): string | undefined {
  return /:(\d+)$/.exec(uri)?.[1];
}

function overWebSocket(
  library: MqttLibrary,
  target: TunnelTarget,
  options: MqttOptions,
  way: Way,
): MqttClient {
  const { host, port } = target;
  const client = library.connect(`wss://${host}:${port}${webSocketPath}`, {
    ...options,
    rejectUnauthorized: true,
    wsOptions: {
      // Compressing costs more memory than the messages have.
      perMessageDeflate: false,
      maxPayload: largestFrameBytes,
      ...(way.proxy === undefined ? {} : { agent: new TunnelAgent(target, way) }),
    },
  });
  return telling(client);
}

function overTunnel(
  library: MqttLibrary,
  target: TunnelTarget,
  options: MqttOptions,
  way: Way,
): MqttClient {
  const client = new library.MqttClient(() => tlsOverTunnel(target, options, way), options);
  return telling(client);
}

/** mqtt.js swallows what goes wrong with a stream unless it is one of four errors of sockets. */
function telling(client: MqttClient): MqttClient {
  client.stream.on('error', (error) => {
    if (client.listenerCount('error') > 0) client.emit('error', error);
  });
  return client;
}

function tlsOverTunnel(
  target: TunnelTarget,
  { ca, cert, key, passphrase }: ConnectionOptions,
  { onNoTunnel, proxy, timeoutMs }: Way,
): TLSSocket {
  if (proxy === undefined) throw new Error('A tunnel needs a proxy.');
  const opening = openTunnel(proxy, target, AbortSignal.timeout(timeoutMs));
  opening.catch(onNoTunnel);
  const tunnel = new LateStream(opening);
  const { host } = target;
  const socket = connectTls({
    socket: tunnel,
    rejectUnauthorized: true,
    // RFC 6066 §3: an address is no name of a server; what the certificate must be made out to is the host all the same.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    host,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(passphrase === undefined ? {} : { passphrase }),
  });
  tunnel.on('error', (error) => socket.destroy(error));
  return socket;
}

/** For a WebSocket, which begins as a request of HTTPS. */
class TunnelAgent extends Agent {
  constructor(
    private readonly target: TunnelTarget,
    private readonly way: Way,
  ) {
    super({ keepAlive: false });
  }

  override createConnection(options: ConnectionOptions): TLSSocket {
    return tlsOverTunnel(this.target, options, this.way);
  }
}
