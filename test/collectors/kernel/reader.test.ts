import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../base/clock.js';
import { isUnavailable } from '../../../base/unavailable.js';
import {
  addressFamilies,
  loadLibc,
  pollEvents,
  socketTypes,
} from '../../../collectors/kernel/libc.js';
import { KernelReader } from '../../../collectors/kernel/reader.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeLibc } from '../../support/fake-libc.js';

describe('the kernel reader', () => {
  let libc: FakeLibc;
  let clock: FakeClock;
  let reader: KernelReader;

  beforeEach(() => {
    libc = new FakeLibc();
    clock = new FakeClock();
    reader = new KernelReader(libc, clock);
    reader.start();
  });

  afterEach(() => reader.stop());

  /** A watched socket, and what was read from it. */
  function watch() {
    const fd = libc.socket();
    const seen = { texts: [] as string[], turns: 0, overflows: 0, failures: [] as string[] };
    reader.add(fd, {
      readable() {
        const drained = reader.drain(fd, ({ bytes }) => seen.texts.push(bytes.toString()));
        seen.turns++;
        if (drained.overflowed) seen.overflows++;
        return drained.more ? 'more' : 'drained';
      },
      failed: (reason) => seen.failures.push(reason),
    });
    return { fd, seen };
  }

  it('keeps one poll pending over all descriptors, and none after stop', async () => {
    watch();
    watch();
    await settle();
    expect(libc.pendingPolls).toBe(1);
    await reader.stop();
    expect(libc.pendingPolls).toBe(0);
  });

  it('reads another descriptor from within a datagram without harm to the ones that follow', async () => {
    const [outer, inner] = [libc.socket(), libc.socket()];
    const texts: string[] = [];
    reader.add(outer, {
      readable() {
        const { more } = reader.drain(outer, ({ bytes }) => {
          reader.drain(inner, (datagram) => texts.push(datagram.bytes.toString()));
          texts.push(bytes.toString());
        });
        return more ? 'more' : 'drained';
      },
      failed: () => undefined,
    });
    libc.deliver(inner, Buffer.from('x'));
    libc.deliver(inner, Buffer.from('y'));
    libc.deliver(outer, Buffer.from('a'));
    libc.deliver(outer, Buffer.from('b'));
    await settle();
    expect(texts).toEqual(['x', 'y', 'a', 'b']);
  });

  it('leaves no poll pending when the process exits without a stop, and no listener after one', async () => {
    await settle();
    const listener = process.listeners('exit').at(-1);
    listener?.(1);
    expect(libc.pendingPolls).toBe(0);
    await reader.stop();
    expect(process.listeners('exit')).not.toContain(listener);
  });

  it('does not wake up while nothing happens', async () => {
    watch();
    await clock.advance(1000);
    const { polls } = libc;
    await clock.advance(3_600_000);
    expect(libc.polls).toBe(polls);
  });

  it('comes round when it is asked, and at once when it does not run', async () => {
    watch();
    await settle();
    let rounds = 0;
    void reader.comesRound().then(() => rounds++);
    await settle();
    expect(rounds).toBe(1);
    await reader.stop();
    await reader.comesRound();
  });

  it('does not come round while its poll does not return', async () => {
    libc.signal = () => 8;
    await settle();
    let rounds = 0;
    void reader.comesRound().then(() => rounds++);
    await clock.advance(600_000);
    expect(rounds).toBe(0);
    libc.signal = (fd) => FakeLibc.prototype.signal.call(libc, fd);
    const { fd } = watch();
    libc.deliver(fd, Buffer.from('a'));
    await clock.advance(100);
    expect(rounds).toBe(1);
  });

  it('reads each descriptor by its owner', async () => {
    const [one, two] = [watch(), watch()];
    libc.deliver(one.fd, Buffer.from('a'));
    libc.deliver(two.fd, Buffer.from('b'));
    await clock.advance(100);
    libc.deliver(one.fd, Buffer.from('c'));
    await clock.advance(100);
    expect(one.seen.texts).toEqual(['a', 'c']);
    expect(two.seen.texts).toEqual(['b']);
  });

  it('reads on for the others when an owner throws, and tells that one once', async () => {
    const { fd, seen } = watch();
    const broken = libc.socket();
    const failures: string[] = [];
    reader.add(broken, {
      readable: () => {
        throw new Error('a record that nobody thought of');
      },
      failed: (reason) => failures.push(reason),
    });
    libc.deliver(broken, Buffer.from('x'));
    libc.deliver(fd, Buffer.from('a'));
    await clock.advance(200);
    libc.deliver(broken, Buffer.from('x'));
    libc.deliver(fd, Buffer.from('b'));
    await clock.advance(200);
    expect(seen.texts).toEqual(['a', 'b']);
    expect(failures).toEqual([expect.stringMatching(/defect.*nobody thought of/)]);
  });

  it('rests after reading a stream, so that a burst costs few wake-ups, but not after an answer', async () => {
    const { fd, seen } = watch();
    const answers = libc.socket();
    let answered = 0;
    reader.add(answers, {
      urgent: true,
      readable: () => (reader.drain(answers, () => answered++).more ? 'more' : 'drained'),
      failed: () => undefined,
    });
    for (const count of [1, 2]) {
      libc.deliver(answers, Buffer.from('answer'));
      await settle();
      expect(answered).toBe(count);
    }
    libc.deliver(fd, Buffer.from('a'));
    await settle();
    libc.deliver(fd, Buffer.from('b'));
    await settle();
    expect(seen.texts).toEqual(['a']);
    await clock.advance(50);
    expect(seen.texts).toEqual(['a', 'b']);
  });

  it('lets others work between the turns of a flood, and reads all of it', async () => {
    const { fd, seen } = watch();
    for (let count = 0; count < 5000; count++) libc.sockets.get(fd)?.queue.push(packet('x'));
    let othersAtTurn = -1;
    setImmediate(() => (othersAtTurn = seen.turns));
    libc.deliver(fd, Buffer.from('last'));
    await clock.advance(100);
    expect(seen.texts).toHaveLength(5001);
    expect(seen.turns).toBeGreaterThanOrEqual(5);
    expect(othersAtTurn).toBeLessThan(5);
  });

  it('reports an overflow and reads what is still there', async () => {
    const { fd, seen } = watch();
    libc.sockets.get(fd)?.queue.push(packet('kept'));
    libc.overflow(fd);
    await clock.advance(100);
    expect(seen).toMatchObject({ overflows: 1, texts: ['kept'], failures: [] });
  });

  it.each([
    ['hung up', pollEvents.hangUp, 0, 'the far end hung up'],
    ['closed', pollEvents.invalid, 0, 'the descriptor was closed'],
    ['unreadable', pollEvents.error, 5, 'EIO'],
  ])('tells once that a descriptor is %s, and does not spin', async (_, state, errno, reason) => {
    const { fd, seen } = watch();
    libc.setState(fd, state, errno);
    await clock.advance(1000);
    expect(seen.failures).toEqual([expect.stringContaining(reason)]);
    const { polls } = libc;
    await clock.advance(60_000);
    expect(libc.polls).toBe(polls);
  });

  it('a descriptor that was removed is not read any more', async () => {
    const { fd, seen } = watch();
    await settle();
    reader.remove(fd);
    libc.deliver(fd, Buffer.from('late'));
    await clock.advance(100);
    expect(seen.texts).toEqual([]);
  });

  it('can be started again', async () => {
    const { fd, seen } = watch();
    await reader.stop();
    libc.deliver(fd, Buffer.from('meanwhile'));
    reader.start();
    await clock.advance(100);
    expect(seen.texts).toEqual(['meanwhile']);
  });
});

const packet = (text: string) => ({
  bytes: Buffer.from(text),
  senderPortId: 0,
  truncated: false,
});

describe.runIf(process.platform === 'linux')('the C library', () => {
  it('reads datagrams of any length through one poll, and ends at once', async () => {
    const libc = await loadLibc();
    if (isUnavailable(libc)) throw new Error(libc.unavailable);
    // An abstract address: it exists nowhere in the file system.
    const address = Buffer.concat([Buffer.from([1, 0, 0]), Buffer.from(`reader-${process.pid}`)]);
    const type = socketTypes.datagram | socketTypes.nonBlocking | socketTypes.closeOnExec;
    const fd = libc.socket(addressFamilies.unix, type, 0);
    expect(libc.bind(fd, address)).toBe(0);
    expect(libc.bind(fd, Buffer.alloc(2))).toBeLessThan(0);
    const reader = new KernelReader(libc, systemClock);
    const lengths: number[] = [];
    const cut: boolean[] = [];
    const arrived = new Promise<void>((resolve) => {
      reader.add(fd, {
        readable() {
          const drained = reader.drain(fd, ({ bytes, truncated }) => {
            expect(bytes.every((byte) => byte === bytes.length % 251)).toBe(!truncated);
            lengths.push(bytes.length);
            cut.push(truncated);
          });
          if (lengths.length === 4) resolve();
          return drained.more ? 'more' : 'drained';
        },
        failed: () => undefined,
      });
    });
    reader.start();
    for (const length of [1, 8970, 16_384, 20_000]) {
      expect(libc.send(fd, Buffer.alloc(length, length % 251), address)).toBe(length);
    }
    await arrived;
    await reader.stop();
    libc.close(fd);
    expect(lengths).toEqual([1, 8970, 16_384, 16_384]);
    expect(cut).toEqual([false, false, false, true]);
    expect(libc.close(fd)).toBeLessThan(0);
  });
});
