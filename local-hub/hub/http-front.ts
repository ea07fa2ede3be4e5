import { createServer } from 'node:http';
import type { TLSSocket } from 'node:tls';

/** The first byte of an MQTT CONNECT; requests of HTTP begin with a capital letter. */
const connectPacket = 0x10;

/** Tells MQTT from HTTPS, which IoT Hub answers on a port of its own (443) and this stand-in on the same one. */
export class HttpFront {
  /** Knows no resource so far; every answer carries the `Date`. */
  readonly #server = createServer((_request, response) => {
    response.writeHead(404, { connection: 'close' }).end();
  });

  /** @param onMqtt takes the connection when it speaks MQTT */
  handle(socket: TLSSocket, onMqtt: (socket: TLSSocket) => void): void {
    socket.once('readable', () => {
      const first = socket.read(1) as Buffer | null;
      if (first === null) return;
      socket.unshift(first);
      // Once this listener is forgotten, the next one is told of what is buffered.
      setImmediate(() => {
        if (first[0] === connectPacket) onMqtt(socket);
        else this.#server.emit('connection', socket);
      });
    });
  }
}
