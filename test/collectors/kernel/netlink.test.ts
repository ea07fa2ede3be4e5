import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import {
  buildMessage,
  NetlinkRequests,
  netlinkTypes,
  parseMessages,
} from '../../../collectors/kernel/netlink.js';
import { KernelReader } from '../../../collectors/kernel/reader.js';
import { FakeClock, settle } from '../../support/fake-clock.js';
import { FakeLibc } from '../../support/fake-libc.js';

const nothing = Buffer.alloc(0);
const errorOf = (errno: number) => {
  const payload = Buffer.alloc(20);
  payload.writeInt32LE(-errno, 0);
  return payload;
};

describe('netlink messages', () => {
  it('come back as they were built', () => {
    const datagram = Buffer.concat([
      buildMessage(1013, 2, 7, Buffer.from('abcd')),
      buildMessage(3, 0, 7, nothing),
    ]);
    expect([...parseMessages(datagram)]).toEqual([
      { type: 1013, flags: 2, sequence: 7, payload: Buffer.from('abcd') },
      { type: 3, flags: 0, sequence: 7, payload: nothing },
    ]);
  });

  it('no datagram makes the parser throw, loop, or read beyond its end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(40), (bytes, length) => {
        const datagram = Buffer.from(bytes);
        if (datagram.length >= 4) datagram.writeUInt32LE(length, 0);
        let total = 0;
        for (const { payload } of parseMessages(datagram)) total += 16 + payload.length;
        expect(total).toBeLessThanOrEqual(datagram.length);
      }),
    );
  });
});

describe('netlink requests', () => {
  let libc: FakeLibc;
  let clock: FakeClock;
  let reader: KernelReader;
  let requests: NetlinkRequests;
  let others: number[];

  beforeEach(() => {
    libc = new FakeLibc();
    clock = new FakeClock();
    reader = new KernelReader(libc, clock);
    reader.start();
    others = [];
    const opened = NetlinkRequests.open({
      libc,
      reader,
      clock,
      protocol: 9,
      onOther: ({ type }) => others.push(type),
    });
    if (isUnavailable(opened)) throw new Error(opened.unavailable);
    requests = opened;
  });

  afterEach(async () => {
    requests.close();
    await reader.stop();
  });

  const answer = async (...messages: readonly Buffer[]) => {
    libc.deliver(requests.fd, Buffer.concat(messages));
    await clock.advance(100);
  };

  it('are settled by the answer with their own sequence number', async () => {
    const first = requests.request('Reading', 1000, nothing, 'answered');
    const second = requests.request('Reading', 1000, nothing, 'answered');
    await answer(buildMessage(1000, 0, 2, Buffer.from('two!')));
    await answer(buildMessage(1000, 0, 1, Buffer.from('one!')));
    expect(String((await first)[0])).toBe('one!');
    expect(String((await second)[0])).toBe('two!');
  });

  it('a refusal becomes a sentence', async () => {
    const request = requests.request('Adding an audit rule', 1011, nothing, 'acknowledged');
    const outcome = expect(request).rejects.toThrow(
      /^Adding an audit rule was refused by the kernel: EPERM/,
    );
    await answer(buildMessage(netlinkTypes.error, 0, 1, errorOf(1)));
    await outcome;
  });

  it('a list ends with its end and not before', async () => {
    const request = requests.request('Listing', 1013, nothing, 'listed');
    await answer(buildMessage(netlinkTypes.error, 0, 1, errorOf(0)));
    await answer(buildMessage(1013, 2, 1, Buffer.from('aaaa')));
    await answer(buildMessage(1013, 2, 1, Buffer.from('bbbb')), buildMessage(3, 2, 1, nothing));
    expect((await request).map(String)).toEqual(['aaaa', 'bbbb']);
  });

  it('without an answer they fail in time', async () => {
    const request = requests.request('Reading the audit status', 1000, nothing, 'answered');
    const outcome = expect(request).rejects.toThrow(/not answered by the kernel within 700 ms/);
    await settle();
    await clock.advance(701);
    await outcome;
  });

  it('are sent one at a time, and wait for the kernel while it works for others, though not for ever', async () => {
    let done = (): void => undefined;
    libc.sending = new Promise((resolve) => (done = resolve));
    const [first, second] = [1, 2].map(() =>
      requests.request('Deleting an audit rule', 1012, nothing, 'acknowledged'),
    );
    await settle();
    await clock.advance(4_999);
    done();
    await settle();
    await answer(
      ...[1, 2].map((sequence) => buildMessage(netlinkTypes.error, 0, sequence, errorOf(0))),
    );
    expect(await Promise.all([first, second])).toEqual([[], []]);
    libc.sending = new Promise((resolve) => (done = resolve));
    const late = requests.request('Deleting an audit rule', 1012, nothing, 'acknowledged');
    const outcome = expect(late).rejects.toThrow(/not begun by the kernel within 5 s/);
    await settle();
    await clock.advance(5_000);
    await outcome;
    // What is still being sent keeps the number of the descriptor from becoming another's.
    requests.close();
    await settle();
    expect(libc.sockets.has(requests.fd)).toBe(true);
    done();
    await settle();
    expect(libc.sockets.has(requests.fd)).toBe(false);
  });

  it('an answer that waits when the time is up still counts: the process was late, not the kernel', async () => {
    const request = requests.request('Reading', 1000, nothing, 'answered');
    // Nobody polls it any more, as while the process is busy.
    await settle();
    reader.remove(requests.fd);
    libc.deliver(requests.fd, buildMessage(1000, 0, 1, Buffer.from('here')));
    await clock.advance(700);
    expect(String((await request)[0])).toBe('here');
  });

  it('an acknowledgement is read as soon as it is sent, also while the reader rests', async () => {
    let done = (): void => undefined;
    libc.sending = new Promise((resolve) => (done = resolve));
    const request = requests.request('Deleting an audit rule', 1012, nothing, 'acknowledged');
    await settle();
    reader.remove(requests.fd);
    libc.deliver(requests.fd, buildMessage(netlinkTypes.error, 0, 1, errorOf(0)));
    done();
    expect(await request).toEqual([]);
  });

  it('what another process sends is not looked at', async () => {
    const request = requests.request('Reading', 1000, nothing, 'answered');
    libc.deliver(requests.fd, buildMessage(1000, 0, 1, Buffer.from('liar')), 4711);
    await clock.advance(100);
    await answer(buildMessage(1000, 0, 1, Buffer.from('true')));
    expect(String((await request)[0])).toBe('true');
  });

  it('messages that answer nothing are passed on', async () => {
    await answer(buildMessage(1329, 0, 0, nothing));
    await settle();
    expect(others).toEqual([1329]);
  });
});
