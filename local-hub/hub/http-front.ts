import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';

/** The first byte of an MQTT CONNECT; requests of HTTP begin with a capital letter. */
const connectPacket = 0x10;

/** What is done with a request that wants to leave HTTP. */
export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** HTTPS of the hub, on connections that others take; every answer carries the `Date`. */
export class HttpFront {
  readonly #server: Server;

  constructor(onRequest: RequestListener, onUpgrade: UpgradeListener) {
    this.#server = createServer(onRequest).on('upgrade', onUpgrade);
  }

  take(socket: TLSSocket): void {
    this.#server.emit('connection', socket);
  }

  /**
   * Tells MQTT from HTTPS, which IoT Hub answers on a port of its own (443) and this stand-in on both.
   * @param onMqtt takes the connection when it speaks MQTT
   */
  takeUnlessMqtt(socket: TLSSocket, onMqtt: (socket: TLSSocket) => void): void {
    socket.once('readable', () => {
      const first = socket.read(1) as Buffer | null;
      if (first === null) return;
      socket.unshift(first);
      // Once this listener is forgotten, the next one is told of what is buffered.
      setImmediate(() => {
        if (first[0] === connectPacket) onMqtt(socket);
        else this.take(socket);
      });
    });
  }
}
