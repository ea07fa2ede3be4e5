import { constants } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import type { Datagram, Libc } from '../../../../collectors/kernel/libc.js';
import {
  ProcConnector,
  SteadyBootTime,
} from '../../../../collectors/kernel/processes/proc-connector.js';
import {
  encodeRequest,
  listen,
  parseProcessEvents,
} from '../../../../collectors/kernel/processes/proc-connector-messages.js';
import type { DescriptorOwner, KernelReader } from '../../../../collectors/kernel/reader.js';
import { FakeClock, settle } from '../../../support/fake-clock.js';

/** One message as the kernel sends it: `what` and the words of its data. */
function message(what: number, data: readonly number[], ack = 0): Buffer {
  const bytes = Buffer.alloc(52 + data.length * 4);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt16LE(3, 4);
  [1, 1, 0, ack].forEach((value, index) => bytes.writeUInt32LE(value, 16 + index * 4));
  bytes.writeUInt16LE(16 + data.length * 4, 32);
  bytes.writeUInt32LE(what, 36);
  bytes.writeBigUInt64LE(5_000_000_000_000_000n, 44);
  data.forEach((value, index) => bytes.writeUInt32LE(value >>> 0, 52 + index * 4));
  return bytes;
}

/** 5,000,000 s after boot, in the messages above, when the wall clock showed 1 s at boot. */
const timeMs = 5_000_001_000;

const [none, fork, exec, uid, exit] = [0, 1, 2, 4, 0x8000_0000];

describe('the boot time', () => {
  it('is the latest reading, also when one was interrupted, until the clock is set back', () => {
    const readings = [999.2, 999.9, 999.1, 990, 999.4, 500, 500.3, 500.1, 500, 500.2, 500.1];
    const bootTime = new SteadyBootTime(() => readings.shift() ?? 500.1);
    const told = Array.from({ length: 6 }, () => bootTime.wallMs());
    expect(told).toEqual([999.2, 999.9, 999.9, 999.9, 500.3, 500.3]);
  });
});

describe('messages of the proc connector', () => {
  it('tells forks, execs and exits of whole processes', () => {
    const datagram = Buffer.concat([
      message(fork, [10, 10, 20, 20]),
      message(exec, [20, 20]),
      message(exit, [20, 20, 0x0300, 17, 10, 10]),
      message(exit, [21, 21, 11 | 0x80, 17]),
    ]);
    expect(parseProcessEvents(datagram, 1000)).toEqual({
      events: [
        { kind: 'fork', pid: 20, parentPid: 10, timeMs },
        { kind: 'exec', pid: 20, timeMs },
        { kind: 'exit', pid: 20, exitCode: 3, signal: 0, timeMs },
        { kind: 'exit', pid: 21, exitCode: 0, signal: 11, timeMs },
      ],
      malformed: 0,
    });
  });

  it('tells threads from processes, and leaves out what is not asked for', () => {
    const datagram = Buffer.concat([
      message(fork, [10, 10, 22, 20]),
      message(exit, [22, 20, 0x0100, 17]),
      message(uid, [20, 20, 0, 0]),
    ]);
    expect(parseProcessEvents(datagram, 1000)).toEqual({
      events: [
        { kind: 'thread', pid: 20, timeMs },
        { kind: 'thread-exit', pid: 20, exitCode: 1, signal: 0, timeMs },
      ],
      malformed: 0,
    });
  });

  it('counts a torn message and keeps those before it', () => {
    const torn = Buffer.concat([message(exec, [20, 20]), message(exec, [30, 30]).subarray(0, 50)]);
    expect(parseProcessEvents(torn, 1000)).toEqual({
      events: [{ kind: 'exec', pid: 20, timeMs }],
      malformed: 1,
    });
    expect(parseProcessEvents(message(exec, [20]), 1000)).toEqual({ events: [], malformed: 1 });
  });

  it('never throws and never loops', () => {
    const mutated = fc.tuple(fc.nat(80), fc.nat(255)).map(([at, byte]) => {
      const bytes = Buffer.concat([message(exec, [20, 20]), message(fork, [1, 2, 3, 4])]);
      bytes[at] = byte;
      return bytes;
    });
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      mutated,
    );
    fc.assert(fc.property(bytes, (datagram) => void parseProcessEvents(datagram, 1000)));
  });

  it('has the request in the form that each kernel takes', () => {
    expect(encodeRequest(listen, 7)).toHaveLength(40);
    expect(encodeRequest(listen, 7, 0x8000_0003)).toHaveLength(44);
  });
});

/** A kernel that answers as `answer` says and remembers what was asked. */
function setUp(options: {
  release?: string;
  answer?: number;
  bind?: number;
  handedOver?: number;
  /** Nobody polls, as while the process is busy: what arrives waits. */
  busy?: boolean;
}) {
  const clock = new FakeClock();
  const requests: { operation: number; mask: number | undefined }[] = [];
  const closed: number[] = [];
  let owner: DescriptorOwner | undefined;
  let waiting: Datagram[] = [];
  let overflowed = false;
  const arrive = (bytes: Buffer, senderPortId = 0) => {
    waiting.push({ bytes, senderPortId, truncated: false });
    if (options.busy !== true) owner?.readable();
  };
  const { release = '6.8.0', answer = 0, bind = 0, handedOver } = options;
  const libc: Partial<Libc> = {
    socket: () => 5,
    bind: () => bind,
    setSocketOption: () => 0,
    close: (fd) => closed.push(fd),
    send(_fd, datagram) {
      const mask = datagram.length > 40 ? datagram.readUInt32LE(40) : undefined;
      requests.push({ operation: datagram.readUInt32LE(36), mask });
      const ack = datagram.readUInt32LE(28) + 1;
      if (mask === undefined && answer >= 0) {
        queueMicrotask(() => arrive(message(none, [answer], ack)));
      }
      return datagram.length;
    },
  };
  const reader: Partial<KernelReader> = {
    add: (_fd, given) => void (owner = given),
    remove: () => void (owner = undefined),
    drain(_fd, onDatagram) {
      const now = waiting;
      waiting = [];
      now.forEach(onDatagram);
      const drained = { datagrams: now.length, overflowed, more: false };
      overflowed = false;
      return drained;
    },
  };
  const connector = new ProcConnector({
    libc: libc as Libc,
    reader: reader as KernelReader,
    clock,
    bootWallMs: () => 1000,
    kernelRelease: release,
    ...(handedOver !== undefined && { handedOver }),
  });
  const subscriber = { isFresh: () => true, onEvent: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
  return {
    clock,
    requests,
    closed,
    connector,
    subscriber,
    arrive,
    overflow: () => {
      overflowed = true;
      owner?.readable();
    },
    fail: (reason: string) => owner?.failed(reason),
    watched: () => owner !== undefined,
  };
}

async function subscribed(kernel: ReturnType<typeof setUp>) {
  const answer = await kernel.connector.subscribe(kernel.subscriber);
  if (isUnavailable(answer)) throw new Error(answer.unavailable);
  return answer;
}

describe('the proc connector', () => {
  it('asks an old kernel for everything and a newer one for what it needs alone', async () => {
    const old = setUp({ release: '5.10.0-28-amd64' });
    await subscribed(old);
    expect(old.requests).toEqual([{ operation: 1, mask: undefined }]);
    const newer = setUp({ release: '6.6.1' });
    await subscribed(newer);
    expect(newer.requests).toEqual([
      { operation: 1, mask: undefined },
      { operation: 1, mask: 0x8000_0003 },
    ]);
  });

  it('tells the kernel to stop once, when the last subscriber left', async () => {
    const kernel = setUp({ release: '5.10' });
    const first = await subscribed(kernel);
    const second = await kernel.connector.subscribe({ ...kernel.subscriber });
    first.end();
    expect(kernel.requests).toHaveLength(1);
    if (!isUnavailable(second)) second.end();
    first.end();
    expect(kernel.requests.map(({ operation }) => operation)).toEqual([1, 2]);
    expect(kernel.closed).toEqual([5]);
    expect(kernel.watched()).toBe(false);
  });

  it('can be had again after it was left', async () => {
    const kernel = setUp({ release: '5.10' });
    (await subscribed(kernel)).end();
    await subscribed(kernel);
    expect(kernel.requests.map(({ operation }) => operation)).toEqual([1, 2, 1]);
  });

  it('leaves a socket open that systemd handed over', async () => {
    const kernel = setUp({ handedOver: 9 });
    (await subscribed(kernel)).end();
    expect(kernel.closed).toEqual([]);
  });

  it('says what right is missing', async () => {
    const refused = setUp({ answer: constants.errno.EPERM });
    const unbound = setUp({ bind: -constants.errno.EPERM });
    for (const { connector, subscriber, closed } of [refused, unbound]) {
      expect(await connector.subscribe(subscriber)).toEqual({
        unavailable: expect.stringContaining('CAP_NET_ADMIN') as string,
      });
      expect(closed).toEqual([5]);
    }
  });

  it('gives up on a kernel that does not answer, and closes what it opened', async () => {
    const kernel = setUp({ answer: -1 });
    const answer = kernel.connector.subscribe(kernel.subscriber);
    await kernel.clock.advance(1000);
    expect(await answer).toEqual({
      unavailable: expect.stringContaining('does not answer') as string,
    });
    expect(kernel.closed).toEqual([5]);
    expect(kernel.watched()).toBe(false);
  });

  it('takes an answer that waits when the time is up: the process was late, not the kernel', async () => {
    const kernel = setUp({ busy: true });
    const answer = kernel.connector.subscribe(kernel.subscriber);
    await kernel.clock.advance(1000);
    expect(isUnavailable(await answer)).toBe(false);
  });

  it('believes the kernel alone, and counts what it cannot read and what was lost', async () => {
    const kernel = setUp({});
    await subscribed(kernel);
    kernel.arrive(message(exec, [20, 20]), 4711);
    kernel.arrive(Buffer.from('garbage'));
    kernel.arrive(message(exec, [30, 30]));
    kernel.overflow();
    expect(kernel.subscriber.onEvent.mock.calls).toEqual([[{ kind: 'exec', pid: 30, timeMs }]]);
    expect(kernel.subscriber.lose.mock.calls).toEqual([
      ['unparsed', 1],
      ['unparsed', 1],
      ['socketOverflow', 1],
    ]);
  });

  it('tells every subscriber when the socket fails, and can be had again', async () => {
    const kernel = setUp({ release: '5.10' });
    await subscribed(kernel);
    kernel.fail('EBADF');
    expect(kernel.subscriber.onFailed).toHaveBeenCalledOnce();
    await subscribed(kernel);
    await settle();
    kernel.arrive(message(exec, [40, 40]));
    expect(kernel.subscriber.onEvent).toHaveBeenCalledOnce();
  });
});
