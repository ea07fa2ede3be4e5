import { createServer, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Listeners, type Unsubscribe } from '../hub/listeners.js';

interface ProxyOptions {
  /** On 127.0.0.1; 0, the default, takes a free one. */
  readonly port?: number;
  /** Without it everybody may use the proxy. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /**
   * Ports on loopback by `host:port` as clients ask for it, so that names of services lead to their stand-ins. Any other
   * name than `localhost` is not known: nothing leaves the machine.
   */
  readonly routes?: Readonly<Record<string, number>>;
}

/** A tunnel that was asked for. */
export interface TunnelRequest {
  /** `host:port`. */
  readonly target: string;
  /** 200 when it was opened; undefined when it was not answered. */
  readonly status: number | undefined;
}

/** Ways to misbehave. */
interface ProxyFaults {
  /** Every tunnel is refused with this status, or its request is never answered. */
  refuse: number | 'silence' | undefined;
}

const loopback = /^(localhost|127\.0\.0\.1|\[::1\])$/i;

/** A stand-in HTTP proxy on loopback, of the method CONNECT alone (RFC 9110 §9.3.6). */
export class ConnectProxy {
  readonly faults: ProxyFaults = { refuse: undefined };
  readonly #options: ProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #listeners = new Listeners<TunnelRequest>();
  #opened = 0;
  #port = 0;

  private constructor(options: ProxyOptions) {
    this.#options = options;
    this.#server = createServer((_request, response) => response.writeHead(405).end());
    this.#server.on('connection', (socket: Socket) => this.#keep(socket));
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#connect(request, socket, head),
    );
  }

  /** Rejects when the port is taken. */
  static async start(options: ProxyOptions = {}): Promise<ConnectProxy> {
    const proxy = new ConnectProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(options.port ?? 0, '127.0.0.1', resolve);
    });
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** So many tunnels were opened since the start. */
  get opened(): number {
    return this.#opened;
  }

  onRequest(listener: (request: TunnelRequest) => void): Unsubscribe {
    return this.#listeners.add(listener);
  }

  /** Ends all tunnels. */
  dropTunnels(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.dropTunnels();
    await closed;
  }

  #connect(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const target = request.url ?? '';
    const verdict = this.#verdict(request, target);
    if (typeof verdict !== 'object') {
      this.#listeners.tell({ target, status: verdict });
      if (verdict !== undefined) refuse(socket, verdict);
      return;
    }
    const onward = connect(verdict.port, '127.0.0.1');
    this.#keep(onward);
    let isOpen = false;
    onward.once('connect', () => {
      isOpen = true;
      this.#opened += 1;
      this.#listeners.tell({ target, status: 200 });
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(socket);
      socket.pipe(onward);
    });
    socket.once('close', () => onward.destroy());
    onward.once('close', () => {
      if (isOpen) {
        socket.destroy();
        return;
      }
      this.#listeners.tell({ target, status: 502 });
      refuse(socket, 502);
    });
  }

  /** Where the tunnel leads, or the status of a refusal; undefined for no answer at all. */
  #verdict(request: IncomingMessage, target: string): { port: number } | number | undefined {
    if (this.faults.refuse === 'silence') return undefined;
    if (this.faults.refuse !== undefined) return this.faults.refuse;
    if (!this.#isAdmitted(request.headers['proxy-authorization'])) return 407;
    const [, host = '', port = ''] = /^(.+):(\d{1,5})$/.exec(target) ?? [];
    if (host === '') return 400;
    const { routes = {} } = this.#options;
    const routed = Object.entries(routes).find(([name]) => name === target.toLowerCase());
    if (routed !== undefined) return { port: routed[1] };
    return loopback.test(host) ? { port: Number(port) } : 502;
  }

  #isAdmitted(header: string | undefined): boolean {
    const { credentials } = this.#options;
    if (credentials === undefined) return true;
    const [, given = ''] = /^basic (.+)$/i.exec(header ?? '') ?? [];
    const wanted = `${credentials.user}:${credentials.password}`;
    return Buffer.from(given, 'base64').toString('utf8') === wanted;
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined);
  }
}

function refuse(socket: Duplex, status: number): void {
  const challenge = status === 407 ? 'Proxy-Authenticate: Basic realm="local-hub"\r\n' : '';
  const reason = STATUS_CODES[status] ?? '';
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\n${challenge}\r\n`);
}
