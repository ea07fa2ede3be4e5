import { createHash } from 'node:crypto';
import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { certificateOf, type ClientCertificate } from './client-certificate.js';
import type { Faults } from './faults.js';
import type { UpgradeListener } from './http-front.js';
import { WebSocketStream } from './web-socket-stream.js';

const path = '/$iothub/websocket';
const protocol = 'mqtt';
/** RFC 6455 §1.3. */
const acceptSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function listed(header: string | undefined): readonly string[] {
  return (header ?? '').split(',').map((part) => part.trim());
}

/** The status with which a request to become a WebSocket is refused; undefined when it is granted. */
function refusedWith({ method, url = '', headers }: IncomingMessage): number | undefined {
  // SDKs say in the query whether a certificate is to come; here the handshake always asks for it.
  if (url.split('?')[0] !== path) return 404;
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return 400;
  if (headers['sec-websocket-version'] !== '13') return 426;
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? '')) return 400;
  return listed(headers['sec-websocket-protocol']).includes(protocol) ? undefined : 400;
}

function refuse(socket: Duplex, status: number): void {
  const version = status === 426 ? 'Sec-WebSocket-Version: 13\r\n' : '';
  const reason = STATUS_CODES[status] ?? '';
  socket.end(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 0\r\n${version}\r\n`);
}

/** Takes MQTT over WebSockets: path `/$iothub/websocket`, sub-protocol `mqtt`. */
export function webSockets(
  faults: Readonly<Pick<Faults, 'refuseWebSockets'>>,
  onMqtt: (stream: Duplex, certificate: ClientCertificate | undefined) => void,
): UpgradeListener {
  return (request, socket, head) => {
    socket.on('error', () => undefined);
    const status = faults.refuseWebSockets ?? refusedWith(request);
    if (status !== undefined) {
      refuse(socket, status);
      return;
    }
    const key = request.headers['sec-websocket-key'] ?? '';
    const accept = createHash('sha1').update(`${key}${acceptSuffix}`).digest('base64');
    socket.write(
      [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept}`,
        `Sec-WebSocket-Protocol: ${protocol}`,
        '\r\n',
      ].join('\r\n'),
    );
    onMqtt(new WebSocketStream(socket, head), certificateOf(socket));
  };
}
