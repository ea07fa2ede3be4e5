import { Duplex } from 'node:stream';

/*
 * The server's end of a WebSocket (RFC 6455) whose binary frames carry one stream of bytes, as MQTT has it: where a frame
 * ends means nothing.
 */

const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Status codes of a close, RFC 6455 §7.4.1. */
const closeCodes = { normal: 1000, protocolError: 1002, unacceptable: 1003, tooBig: 1009 } as const;

/** The service takes no larger message, and so no larger frame. */
const mostPayloadBytes = 512 * 1024;

interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
  /** Of the frame in all. */
  readonly bytes: number;
}

/** The frame that begins the bytes; undefined when it is not there yet, a code of a close when it may not be. */
function readFrame(bytes: Buffer): Frame | number | undefined {
  if (bytes.length < 2) return undefined;
  const [first = 0, second = 0] = bytes;
  // Extensions are not negotiated, and whatever a client sends is masked.
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return closeCodes.protocolError;
  const short = second & 0x7f;
  const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
  const start = 2 + lengthBytes + 4;
  if (bytes.length < start) return undefined;
  const length =
    lengthBytes === 0
      ? short
      : bytes.readUIntBE(lengthBytes === 8 ? 4 : 2, lengthBytes === 8 ? 6 : 2);
  if (lengthBytes === 8 && bytes.readUInt32BE(2) !== 0) return closeCodes.tooBig;
  if (length > mostPayloadBytes) return closeCodes.tooBig;
  if (bytes.length < start + length) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = Buffer.from(bytes.subarray(start, start + length));
  for (let at = 0; at < length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at % 4] ?? 0);
  return { opcode: first & 0x0f, payload, bytes: start + length };
}

function frame(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const head = length < 126 ? Buffer.alloc(2) : Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return Buffer.concat([head, payload]);
}

/** What is in the frames, as a stream; it ends when either side closes the WebSocket or the connection. */
export class WebSocketStream extends Duplex {
  readonly #socket: Duplex;
  #received: Buffer = Buffer.alloc(0);
  /** Nobody reads what came. Whoever else makes the connection wait has it wait. */
  #waiting = false;
  #closing = false;

  /** @param head what the client sent together with its handshake */
  constructor(socket: Duplex, head: Buffer) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    socket.on('close', () => this.destroy());
    socket.on('error', (error) => this.destroy(error));
    this.#take(head);
  }

  override _read(): void {
    if (this.#waiting) this.#socket.resume();
    this.#waiting = false;
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(frame(opcodes.binary, chunk), done);
  }

  override _final(done: () => void): void {
    this.#close(closeCodes.normal);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (!this.#closing) {
      const found = readFrame(this.#received);
      if (found === undefined) return;
      if (typeof found === 'number') {
        this.#close(found);
        return;
      }
      this.#received = this.#received.subarray(found.bytes);
      this.#on(found);
    }
  }

  #on({ opcode, payload }: Frame): void {
    switch (opcode) {
      case opcodes.binary:
      case opcodes.continuation:
        if (payload.length > 0 && !this.push(payload)) {
          this.#waiting = true;
          this.#socket.pause();
        }
        return;
      case opcodes.ping:
        this.#socket.write(frame(opcodes.pong, payload));
        return;
      case opcodes.pong:
        return;
      case opcodes.close:
        this.#close(closeCodes.normal);
        return;
      case opcodes.text:
        this.#close(closeCodes.unacceptable);
        return;
      default:
        this.#close(closeCodes.protocolError);
    }
  }

  /** Says why, and ends the connection. */
  #close(code: number): void {
    if (this.#closing) return;
    this.#closing = true;
    const reason = Buffer.alloc(2);
    reason.writeUInt16BE(code);
    this.#socket.end(frame(opcodes.close, reason));
    this.push(null);
  }
}
