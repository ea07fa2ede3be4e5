import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { buildMessage } from '../../../../collectors/kernel/netlink.js';
import { KernelReader } from '../../../../collectors/kernel/reader.js';
import {
  parseListeners,
  SocketDiagnosis,
} from '../../../../collectors/kernel/sockets/tcp-listeners.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeLibc } from '../../../support/fake-libc.js';

/** As kernel 6.18 answered for a listener on 127.0.0.1:40022, and one on [::1]:40023. */
const four = Buffer.from(
  '7c00000014000200010000008f280000020a00009c5600007f0000010000000000000000000000000000000000000000000000000000000000000000be8d06000000000000000000000000008000000000000000b68a3a00050008000000000008000f00000000000c00150001000000000000000600160052000000',
  'hex',
);
const six = Buffer.from(
  '8400000014000200010000008f2800000a0a00009c570000000000000000000000000000000000010000000000000000000000000000000000000000bf8d06000000000000000000000000008000000000000000b78a3a00050008000000000005000b000100000008000f00000000000c00150001000000000000000600160012000000',
  'hex',
);
const done = Buffer.from('1400000003000200010000008f28000000000000', 'hex');
const inet = { number: 2, protocol: 'tcp', addressBytes: 4 } as const;
const inet6 = { number: 10, protocol: 'tcp6', addressBytes: 16 } as const;

const listener = {
  protocol: 'tcp',
  addressHex: '7f000001',
  port: 40022,
  uid: 0,
  inode: 3836598,
};
const listener6 = {
  protocol: 'tcp6',
  addressHex: `${'0'.repeat(31)}1`,
  port: 40023,
  uid: 0,
  inode: 3836599,
};

describe('the answer of the socket diagnosis', () => {
  it('tells the sockets that listen, and where it ends', () => {
    expect(parseListeners(Buffer.concat([four, four]), inet)).toEqual({
      sockets: [listener, listener],
      malformed: 0,
      end: undefined,
    });
    expect(parseListeners(Buffer.concat([six, done]), inet6)).toEqual({
      sockets: [listener6],
      malformed: 0,
      end: 0,
    });
    const refused = Buffer.alloc(4);
    refused.writeInt32LE(-2, 0);
    expect(parseListeners(buildMessage(2, 0, 1, refused), inet).end).toBe(2);
  });

  it('of another family or state, or torn, is counted and not believed', () => {
    expect(parseListeners(four, inet6)).toMatchObject({ sockets: [], malformed: 1 });
    const established = Buffer.from(four);
    established[17] = 1;
    expect(parseListeners(established, inet)).toMatchObject({ sockets: [], malformed: 1 });
    expect(parseListeners(buildMessage(20, 2, 1, Buffer.from([2])), inet).malformed).toBe(1);
  });

  it('never makes it throw', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
    const mutated = fc.tuple(fc.nat(six.length - 1), fc.nat(255)).map(([place, byte]) => {
      const copy = Buffer.from(six);
      copy[place] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, mutated), (datagram) => void parseListeners(datagram, inet6)),
    );
  });
});

/** @param answers the datagrams that the kernel gives to each of the requests */
function open(answers: readonly (readonly Buffer[])[]) {
  const libc = new FakeLibc();
  const reader = new KernelReader(libc, new FakeClock());
  reader.start();
  const waiting = [...answers];
  vi.spyOn(libc, 'send').mockImplementation((fd, request) => {
    for (const datagram of waiting.shift() ?? []) libc.deliver(fd, datagram);
    return request.length;
  });
  return { libc, reader, listeners: new SocketDiagnosis({ libc, reader }) };
}

describe('a look at the sockets that listen', () => {
  it('asks for both families and closes its socket', async () => {
    const { libc, reader, listeners } = open([[four, done], [Buffer.concat([six, done])]]);
    const sockets = libc.sockets.size;
    expect(listeners.look()).toEqual({ sockets: [listener, listener6], malformed: 0 });
    expect(libc.sockets.size).toBe(sockets);
    await reader.stop();
  });

  it('does without IPv6 where the kernel has none', async () => {
    const none = Buffer.alloc(4);
    none.writeInt32LE(-2, 0);
    const { reader, listeners } = open([[four, done], [buildMessage(2, 0, 2, none)]]);
    expect(listeners.look()).toEqual({ sockets: [listener], malformed: 0 });
    await reader.stop();
  });

  it('is not to be had when the kernel refuses, or does not end its answer: nothing reads as closed', async () => {
    const none = Buffer.alloc(4);
    none.writeInt32LE(-2, 0);
    const refused = open([[buildMessage(2, 0, 1, none)]]);
    expect(refused.listeners.look()).toHaveProperty('unavailable');
    await refused.reader.stop();
    const cut = open([[four], [six, done]]);
    expect(cut.listeners.look()).toHaveProperty('unavailable');
    await cut.reader.stop();
  });
});
