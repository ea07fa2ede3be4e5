import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { ServerTls } from './server-tls.js';

/** Takes TLS connections on 127.0.0.1 and can break them. */
export class TlsListener {
  readonly #server: Server;
  /** Below TLS: only these can be reset instead of closed. */
  readonly #sockets = new Set<Socket>();
  readonly #encrypted = new Set<TLSSocket>();
  #port = 0;

  constructor(tls: ServerTls, onConnection: (socket: TLSSocket) => void) {
    this.#server = tls.create((options) =>
      createServer(options, (socket) => {
        this.#encrypted.add(socket);
        socket.once('close', () => this.#encrypted.delete(socket));
        // Whoever takes the connection over listens too; until then a reset must not end the process.
        socket.on('error', () => undefined);
        onConnection(socket);
      }),
    );
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** The port that is, or was until `stop`, listened on. */
  get port(): number {
    return this.#port;
  }

  /** Listens on `port`, or on any free one for 0. Rejects with a sentence when it is taken. */
  async start(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const refused = (error: NodeJS.ErrnoException): void =>
        reject(
          error.code === 'EADDRINUSE'
            ? new Error(
                `Port ${port} on 127.0.0.1 is taken by another program; choose another port.`,
                { cause: error },
              )
            : error,
        );
      this.#server.once('error', refused);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', refused);
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  dropConnections(how: 'fin' | 'rst'): void {
    for (const socket of this.#sockets) {
      if (how === 'rst') socket.resetAndDestroy();
      else socket.destroy();
    }
  }

  /** Leaves the present connections open, and neither reads nor writes on them any more. */
  freezeConnections(): void {
    for (const socket of this.#encrypted) {
      for (const event of ['readable', 'data']) socket.removeAllListeners(event);
      socket.pause();
      socket.cork();
    }
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.#server.close(() => resolve()));
    this.dropConnections('fin');
    await closed;
  }
}
