import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import { changesHardware } from '../../../../collectors/connected-hardware/hot-plug.js';
import { KernelDeviceEvents } from '../../../../collectors/kernel/devices/device-events.js';
import { parseUevent } from '../../../../collectors/kernel/devices/uevent.js';
import { pollEvents } from '../../../../collectors/kernel/libc.js';
import { KernelReader } from '../../../../collectors/kernel/reader.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { FakeLibc } from '../../../support/fake-libc.js';

const datagram = (...parts: readonly string[]) => Buffer.from(`${parts.join('\0')}\0`);

/** As kernel 6.18 sent it when a dummy interface was made. */
const added = datagram(
  'add@/devices/virtual/net/dummy0',
  'ACTION=add',
  'DEVPATH=/devices/virtual/net/dummy0',
  'SUBSYSTEM=net',
  'INTERFACE=dummy0',
  'IFINDEX=9',
  'SEQNUM=1733',
);
/** As udev passes an event on, to its own group. */
const ofUdev = Buffer.concat([Buffer.from('libudev\0'), Buffer.from('feedcafe', 'hex'), added]);

describe('a message of a device event', () => {
  it('tells what happened to which device', () => {
    expect(parseUevent(added)).toEqual({
      action: 'add',
      path: '/devices/virtual/net/dummy0',
      subsystem: 'net',
      mediumChanged: false,
    });
  });

  it.each([
    ['of udev', ofUdev],
    ['without its end', added.subarray(0, -1)],
    ['without variables', datagram('add@/devices/a')],
    [
      'of which the head says something else',
      datagram('add@/devices/a', 'ACTION=remove', 'DEVPATH=/devices/a', 'SUBSYSTEM=usb'),
    ],
    [
      'of another path',
      datagram('add@/devices/a', 'ACTION=add', 'DEVPATH=/devices/b', 'SUBSYSTEM=usb'),
    ],
    [
      'with too much in it',
      datagram('add@/a', 'ACTION=add', 'DEVPATH=/a', 'SUBSYSTEM=usb', 'X'.repeat(9_000)),
    ],
    ['that is empty', Buffer.alloc(0)],
  ])('%s is none', (_, bytes) => {
    expect(parseUevent(bytes)).toBeUndefined();
  });

  it('never makes it throw', () => {
    const mutated = fc.tuple(fc.nat(added.length - 1), fc.nat(255)).map(([place, byte]) => {
      const copy = Buffer.from(added);
      copy[place] = byte;
      return copy;
    });
    const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(any, mutated), (bytes) => {
        const event = parseUevent(bytes);
        if (event !== undefined) expect(event.path.startsWith('/')).toBe(true);
      }),
    );
  });

  it('changes the hardware when a device comes or goes, or a medium, not when a battery is read', () => {
    const event = { action: 'add', path: '/devices/a', subsystem: 'usb', mediumChanged: false };
    expect(changesHardware(event)).toBe(true);
    expect(changesHardware({ ...event, action: 'unbind' })).toBe(true);
    expect(changesHardware({ ...event, subsystem: 'block', action: 'change' })).toBe(false);
    expect(
      changesHardware({ ...event, subsystem: 'block', action: 'change', mediumChanged: true }),
    ).toBe(true);
    const loop = { path: '/devices/virtual/block/loop0', subsystem: 'block', action: 'change' };
    expect(changesHardware({ ...event, ...loop })).toBe(true);
    expect(changesHardware({ ...event, subsystem: 'power_supply' })).toBe(false);
    expect(changesHardware({ ...event, subsystem: 'queues' })).toBe(false);
  });
});

async function open(handedOver = false) {
  const libc = new FakeLibc();
  const clock = new FakeClock();
  const reader = new KernelReader(libc, clock);
  reader.start();
  const handedOverFd = handedOver ? libc.socket() : undefined;
  if (handedOverFd !== undefined) libc.deliver(handedOverFd, added);
  const events = new KernelDeviceEvents({
    libc,
    reader,
    ...(handedOverFd !== undefined && { handedOver: handedOverFd }),
  });
  const told = { onEvent: vi.fn(), onMissed: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
  const before = new Set(libc.sockets.keys());
  const subscription = await events.subscribe(told);
  if (isUnavailable(subscription)) throw new Error(subscription.unavailable);
  const fd = handedOverFd ?? [...libc.sockets.keys()].find((socket) => !before.has(socket)) ?? -1;
  // The reader rests on the clock between two looks.
  const read = (check: () => void = () => undefined) =>
    vi.waitFor(async () => {
      await clock.advance(100);
      check();
    });
  return { libc, reader, read, events, told, subscription, fd };
}

describe('the news of devices', () => {
  it('are the kernel’s alone: what others send is counted and not believed', async () => {
    const { libc, reader, read, told, fd } = await open();
    libc.deliver(fd, added);
    await read(() => expect(told.onEvent).toHaveBeenCalledTimes(1));
    libc.deliver(fd, added, 4711);
    libc.deliver(fd, ofUdev);
    await read(() => expect(told.lose).toHaveBeenCalledTimes(2));
    expect(told.lose).toHaveBeenCalledWith('unparsed', 1);
    expect(told.onEvent).toHaveBeenCalledTimes(1);
    await reader.stop();
  });

  it('that were lost are counted, and told as a change of anything', async () => {
    const { libc, reader, read, told, fd } = await open();
    libc.overflow(fd);
    await read(() => expect(told.onMissed).toHaveBeenCalledTimes(1));
    expect(told.lose).toHaveBeenCalledWith('socketOverflow', 1);
    await reader.stop();
  });

  it('that waited in the socket of systemd are not told, and the socket stays open', async () => {
    const { libc, reader, read, told, subscription, fd } = await open(true);
    await read();
    expect(told.onEvent).not.toHaveBeenCalled();
    libc.deliver(fd, added);
    await read(() => expect(told.onEvent).toHaveBeenCalledTimes(1));
    subscription.end();
    expect(libc.sockets.has(fd)).toBe(true);
    libc.deliver(fd, added);
    await read();
    expect(told.onEvent).toHaveBeenCalledTimes(1);
    await reader.stop();
  });

  it('share one socket, which is closed with the last who listens', async () => {
    const { libc, reader, events, subscription, fd } = await open();
    const sockets = libc.sockets.size;
    const other = { onEvent: vi.fn(), onMissed: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
    const second = await events.subscribe(other);
    expect(libc.sockets.size).toBe(sockets);
    subscription.end();
    expect(libc.sockets.has(fd)).toBe(true);
    if (!isUnavailable(second)) second.end();
    expect(libc.sockets.has(fd)).toBe(false);
    await reader.stop();
  });

  it('end with a reason when the socket breaks, and the next opens one of its own', async () => {
    const { libc, reader, read, events, told, fd } = await open(true);
    libc.setState(fd, pollEvents.invalid);
    await read(() => expect(told.onFailed).toHaveBeenCalledTimes(1));
    expect(String(told.onFailed.mock.calls[0]?.[0])).toContain('the descriptor was closed');
    const before = libc.sockets.size;
    await events.subscribe(told);
    expect(libc.sockets.size).toBe(before + 1);
    await reader.stop();
  });

  it('cannot be had where the kernel refuses the socket, with its reason', async () => {
    const libc = new FakeLibc();
    const reader = new KernelReader(libc, new FakeClock());
    vi.spyOn(libc, 'socket').mockReturnValue(-93);
    const told = { onEvent: vi.fn(), onMissed: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
    const answer = await new KernelDeviceEvents({ libc, reader }).subscribe(told);
    expect(answer).toHaveProperty('unavailable', expect.stringContaining('EPROTONOSUPPORT'));
  });
});
