import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { openSystemBus } from '../../../../collectors/kernel/system-bus/system-bus.js';
import {
  BusFormatError,
  decodeMessage,
  encodeCall,
  parseHeader,
} from '../../../../collectors/kernel/system-bus/wire.js';
import { temporaryDirectory } from '../../../support/temporary-directory.js';

/** An answer to `serial` with the body `a(ss)`, as dbus-daemon 1.14 writes it. */
function unitFilesAnswer(serial: number, pairs: readonly (readonly [string, string])[]): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.alloc(5 + value.length);
    bytes.writeUInt32LE(value.length);
    bytes.write(value, 4, 'latin1');
    return bytes;
  };
  const padded = (bytes: Buffer, to: number): Buffer =>
    Buffer.concat([bytes, Buffer.alloc((to - (bytes.length % to)) % to)]);
  let array = Buffer.alloc(0);
  for (const [path, state] of pairs)
    array = Buffer.concat([padded(array, 8), padded(text(path), 4), text(state)]);
  const size = Buffer.alloc(8);
  size.writeUInt32LE(array.length);
  const body = Buffer.concat([size, array]);
  const head = Buffer.from('6c020001' + '00000000'.repeat(3), 'hex');
  head.writeUInt32LE(body.length, 4);
  head.writeUInt32LE(7, 8);
  // REPLY_SERIAL u, SIGNATURE g.
  const reply = Buffer.from('0501750000000000', 'hex');
  reply.writeUInt32LE(serial, 4);
  const signature = Buffer.concat([
    Buffer.from('08016700', 'hex'),
    Buffer.of(5),
    Buffer.from('a(ss)\0'),
  ]);
  const fields = Buffer.concat([reply, signature]);
  head.writeUInt32LE(fields.length, 12);
  return Buffer.concat([padded(Buffer.concat([head, fields]), 8), body]);
}

const folder = temporaryDirectory('bus');
let server: Server | undefined;
afterEach(() => void server?.close());

/** A bus that takes everybody, and answers each call with what `answer` gives. */
function busAt(path: string, answer: (serial: number, socket: Socket) => void): Promise<void> {
  server = createServer((socket) => {
    let greeted = false;
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      let rest = bytes;
      if (!greeted) {
        if (rest.includes('AUTH EXTERNAL')) socket.write('OK 0123456789abcdef\r\n');
        const begin = rest.indexOf('BEGIN\r\n');
        if (begin < 0) return;
        greeted = true;
        rest = rest.subarray(begin + 7);
      }
      for (;;) {
        const header = parseHeader(rest);
        if (header === undefined) return;
        answer(rest.readUInt32LE(8), socket);
        rest = rest.subarray(header.headerBytes + header.bodyBytes);
      }
    });
  });
  return new Promise((resolve) => server?.listen(path, resolve));
}

const call = { destination: 'a.b', path: '/a', interface: 'a.b.C', member: 'ListUnitFiles' };
const { signal } = new AbortController();

describe('the system bus', () => {
  it('answers a call, however its bytes are cut', async () => {
    const path = join(temporaryDirectory('bus'), 'bus');
    const pairs = [
      ['/lib/systemd/system/ssh.service', 'enabled'],
      ['/lib/a.socket', 'static'],
    ] as const;
    await busAt(path, (serial, socket) => {
      const bytes = unitFilesAnswer(serial, pairs);
      socket.write(bytes.subarray(0, 20));
      setImmediate(() => socket.write(bytes.subarray(20)));
    });
    const bus = await openSystemBus(path, signal);
    if ('unavailable' in bus) throw new Error(bus.unavailable);
    expect(await bus.call(call)).toEqual([pairs.map((pair) => [...pair])]);
    bus.close();
    await expect(bus.call(call)).rejects.toThrow('closed');
  });

  it('is unavailable with its reason where there is none, or where nobody answers as one', async () => {
    expect(await openSystemBus(join(folder, 'missing'), signal)).toEqual({
      unavailable: 'there is no system bus',
    });
    const path = join(temporaryDirectory('bus'), 'bus');
    await busAt(path, (_serial, socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n'));
    expect(await openSystemBus(path, signal)).toMatchObject({
      unavailable: expect.stringContaining('another byte order') as string,
    });
  });
});

describe('a message of the bus', () => {
  it('is written as the specification says', () => {
    const bytes = encodeCall({ ...call, parameters: ['x'] }, 3);
    const header = parseHeader(bytes);
    expect(header).toEqual({ type: 1, bodyBytes: 6, headerBytes: bytes.length - 6 });
    expect(bytes.subarray(-6).toString('latin1')).toBe('\x01\0\0\0x\0');
    expect(decodeMessage(bytes).body).toEqual(['x']);
  });

  it('can hold anything, and is read or refused', () => {
    const whole = unitFilesAnswer(3, [['/lib/systemd/system/ssh.service', 'enabled']]);
    const damaged = fc
      .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 })
      .map((changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        return bytes;
      });
    fc.assert(
      fc.property(
        fc.oneof(
          damaged,
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        (bytes) => {
          try {
            decodeMessage(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(BusFormatError);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
