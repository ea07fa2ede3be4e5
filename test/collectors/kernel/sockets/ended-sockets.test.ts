import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import { buildMessage } from '../../../../collectors/kernel/netlink.js';
import { KernelReader } from '../../../../collectors/kernel/reader.js';
import { EndedSocketReader } from '../../../../collectors/kernel/sockets/ended-sockets.js';
import { parseEndedSockets } from '../../../../collectors/kernel/sockets/ended-sockets-messages.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeLibc } from '../../../support/fake-libc.js';

/** A message as kernel 6.18 sent it, up to the addresses; the rest is of no interest. */
function message(family: number, local: string, remote: string, ports = [8080, 50000]): Buffer {
  const payload = Buffer.alloc(72);
  payload[0] = family;
  payload[1] = 7;
  ports.forEach((port, index) => payload.writeUInt16BE(port, 4 + 2 * index));
  payload.write(local, 8, 'hex');
  payload.write(remote, 24, 'hex');
  return buildMessage(20, 0, 0, payload);
}
const ended = message(2, '0a000001', 'c0000201');
const [local, remote] = [
  { address: '10.0.0.1', port: 8080, family: 4 },
  { address: '192.0.2.1', port: 50000, family: 4 },
];

describe('messages of sockets that ended', () => {
  it('tell both ends, and those of IPv4 on IPv6 as IPv4', () => {
    const mapped = '00000000000000000000ffff';
    const six = message(10, `${mapped}0a000001`, `${mapped}c0000201`);
    expect(parseEndedSockets(Buffer.concat([ended, six]))).toEqual({
      ended: Array(2).fill({ local, remote }),
      malformed: 0,
    });
  });

  it('leave out sockets without two ends, and count what is torn', () => {
    expect(parseEndedSockets(message(2, '00000000', '00000000', [8080, 0])).ended).toEqual([]);
    expect(parseEndedSockets(buildMessage(20, 0, 0, Buffer.from([2])))).toMatchObject({
      malformed: 1,
    });
    expect(parseEndedSockets(message(1, '00', '00')).malformed).toBe(1);
    expect(parseEndedSockets(ended.subarray(0, 40)).malformed).toBe(1);
  });

  it('never make it throw', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    const mutated = fc.tuple(fc.nat(ended.length - 1), fc.nat(255)).map(([place, byte]) => {
      const copy = Buffer.from(ended);
      copy[place] = byte;
      return copy;
    });
    fc.assert(
      fc.property(fc.oneof(bytes, mutated), (datagram) => void parseEndedSockets(datagram)),
    );
  });
});

/** @param answer the type of the kernel's answer to the probe, 3 done or 2 refused */
async function open(answer: number) {
  const libc = new FakeLibc();
  const clock = new FakeClock();
  const reader = new KernelReader(libc, clock);
  reader.start();
  const told = { onEnded: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
  let fd = 0;
  vi.spyOn(libc, 'send').mockImplementation((socket) => {
    fd = socket;
    const error = Buffer.alloc(4);
    error.writeInt32LE(-2, 0);
    libc.deliver(socket, buildMessage(answer, 0, 1, error));
    return 1;
  });
  const subscription = await new EndedSocketReader({ libc, reader, clock }).subscribe(told);
  return { libc, reader, told, fd, subscription };
}

describe('sockets that ended', () => {
  it('are told from the confirmation to the end, by nobody but the kernel', async () => {
    const { libc, reader, told, fd, subscription } = await open(3);
    if (isUnavailable(subscription)) throw new Error(subscription.unavailable);
    libc.deliver(fd, ended);
    libc.deliver(fd, ended, 77);
    libc.overflow(fd);
    subscription.refresh();
    expect(told.onEnded.mock.calls).toEqual([[[{ local, remote }]]]);
    expect(told.lose.mock.calls).toEqual([
      ['unparsed', 1],
      ['socketOverflow', 1],
    ]);
    subscription.end();
    expect(libc.sockets.has(fd)).toBe(false);
    await reader.stop();
  });

  it('are said to be unknown where the kernel has no part for it', async () => {
    const { libc, reader, fd, subscription } = await open(2);
    expect(isUnavailable(subscription) && subscription.unavailable).toMatch(
      /CONFIG_INET_DIAG.*ENOENT/u,
    );
    expect(libc.sockets.has(fd)).toBe(false);
    await reader.stop();
  });
});
