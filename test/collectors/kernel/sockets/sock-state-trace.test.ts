import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../../base/unavailable.js';
import type { DescriptorOwner } from '../../../../collectors/kernel/reader.js';
import {
  type ObservedTransition,
  SocketStateTrace,
} from '../../../../collectors/kernel/sockets/sock-state-trace.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { narrow, narrowPage, narrowRecord, part } from '../../../support/trace-cases.js';

/** A trace of two processors whose pages the test gives. */
async function openTrace() {
  const clock = new FakeClock();
  const owners = new Map<number, DescriptorOwner>();
  const pages = new Map<number, Buffer[]>([
    [1, []],
    [2, []],
  ]);
  const removed = vi.fn();
  const time = { startNs: 1e12, broken: '' };
  const trace = new SocketStateTrace({
    clock,
    byteOrder: 'LE',
    monotonicNs: () => time.startNs + clock.monotonicMs() * 1e6,
    reader: {
      add: (fd, owner) => void owners.set(fd, owner),
      remove: (fd) => void owners.delete(fd),
    },
    openInstance: () => ({
      describe: (path) => (path.endsWith('format') ? narrow.format : narrow.headerPage),
      descriptors: [1, 2],
      enable: () => undefined,
      remove: removed,
    }),
    readPage: (descriptor, page) => {
      if (time.broken !== '') throw new Error(time.broken);
      return pages.get(descriptor)?.shift()?.copy(page) ?? 0;
    },
  });
  const told: ObservedTransition[] = [];
  const [lose, onFailed] = [vi.fn(), vi.fn()];
  const opened = await trace.subscribe({
    onTransitions: (transitions) => told.push(...transitions),
    lose,
    onFailed,
  });
  if (isUnavailable(opened)) throw new Error(opened.unavailable);
  const record = (socket: number, afterMs: number): Buffer =>
    narrowPage(
      BigInt(time.startNs + afterMs * 1e6),
      [
        part(
          17,
          0,
          'LE',
          narrowRecord(
            {
              thread: 1,
              socket,
              states: [7, 2],
              ports: [0, 80],
              addresses: ['10.0.0.1', '10.0.0.2'],
            },
            'LE',
          ),
        ),
      ],
      'LE',
    );
  return { clock, trace, owners, pages, removed, told, lose, onFailed, opened, record, time };
}

const sockets = (told: readonly ObservedTransition[]) =>
  told.map(({ socket }) => Buffer.from(socket, 'hex').readUInt32LE());

describe('the trace of TCP sockets', () => {
  it('tells in the order of time, whichever processor is read first', async () => {
    const { clock, owners, pages, told, record } = await openTrace();
    await clock.advance(10);
    pages.get(1)?.push(record(2, 5));
    owners.get(1)?.readable();
    pages.get(2)?.push(record(1, 3));
    await clock.advance(100);
    expect(sockets(told)).toEqual([1, 2]);
    expect(clock.timers).toBe(0);
  });

  it('gives the wall clock of the moment, also when it is read later', async () => {
    const { clock, owners, pages, told, record } = await openTrace();
    const startedMs = clock.wallMs();
    await clock.advance(1000);
    pages.get(1)?.push(record(1, 400));
    owners.get(1)?.readable();
    await clock.advance(100);
    expect(told[0]?.timeMs).toBe(startedMs + 400);
  });

  it('holds back what happened after the other processors were read', async () => {
    const { clock, owners, pages, told, record } = await openTrace();
    pages.get(1)?.push(record(1, 1), record(3, 25));
    owners.get(1)?.readable();
    await clock.advance(20);
    expect(sockets(told)).toEqual([1]);
    pages.get(2)?.push(record(2, 22));
    await clock.advance(40);
    expect(sockets(told)).toEqual([1, 2, 3]);
  });

  it('waits for a processor that has more than can be read in one turn', async () => {
    const { clock, owners, pages, told, record } = await openTrace();
    await clock.advance(1000);
    const many = Array.from({ length: 200 }, (_, index) => record(index, index));
    pages.get(1)?.push(...many);
    pages.get(2)?.push(record(1000, 500));
    owners.get(2)?.readable();
    await clock.advance(200);
    expect(sockets(told)).toEqual([...Array(200).keys(), 1000]);
  });

  it('counts what was overwritten and what cannot be parsed', async () => {
    const { owners, pages, lose, record } = await openTrace();
    const overwritten = record(1, 1);
    overwritten.writeUInt32LE((overwritten.readUInt32LE(8) | 0x8000_0000) >>> 0, 8);
    pages.get(1)?.push(overwritten, Buffer.alloc(5));
    owners.get(1)?.readable();
    expect(lose.mock.calls).toEqual([
      ['traceOverrun', 1],
      ['unparsed', 1],
    ]);
  });

  it('tells what was recorded before the end, removes the trace, and tells nothing after', async () => {
    const { clock, owners, pages, told, removed, record, opened } = await openTrace();
    pages.get(2)?.push(record(1, 0));
    opened.end();
    expect(sockets(told)).toEqual([1]);
    expect(removed).toHaveBeenCalledTimes(1);
    expect(owners.size).toBe(0);
    opened.end();
    await clock.advance(1000);
    expect(removed).toHaveBeenCalledTimes(1);
    expect(clock.timers).toBe(0);
  });

  it('tells those who follow it the same while it is open, and is not opened for them', async () => {
    const { clock, trace, owners, pages, record, opened, removed } = await openTrace();
    const followed: ObservedTransition[] = [];
    const end = trace.follow((transitions) => followed.push(...transitions));
    pages.get(1)?.push(record(1, 0));
    owners.get(1)?.readable();
    await clock.advance(100);
    expect(sockets(followed)).toEqual([1]);
    opened.end();
    expect(removed).toHaveBeenCalledTimes(1);
    end();
  });

  it('serves several: each is told what happens from its start to its end, and one trace is opened', async () => {
    const { clock, trace, owners, pages, told, removed, record, opened } = await openTrace();
    pages.get(1)?.push(record(1, 5));
    await clock.advance(10);
    const others: ObservedTransition[] = [];
    const other = await trace.subscribe({
      onTransitions: (transitions) => others.push(...transitions),
      lose: () => undefined,
      onFailed: () => undefined,
    });
    if (isUnavailable(other)) throw new Error(other.unavailable);
    pages.get(2)?.push(record(2, 15));
    owners.get(2)?.readable();
    await clock.advance(100);
    expect([sockets(told), sockets(others)]).toEqual([[1, 2], [2]]);
    pages.get(1)?.push(record(3, 110));
    opened.end();
    expect(removed).not.toHaveBeenCalled();
    pages.get(1)?.push(record(4, 111));
    other.end();
    expect([sockets(told), sockets(others)]).toEqual([
      [1, 2, 3],
      [2, 3, 4],
    ]);
    expect(removed).toHaveBeenCalledTimes(1);
  });

  it('shows what is recorded and not told yet, and tells it in its turn', async () => {
    const { clock, pages, told, record, opened } = await openTrace();
    pages.get(1)?.push(record(2, 0));
    pages.get(2)?.push(record(1, -1));
    expect(sockets(opened.untold())).toEqual([1, 2]);
    expect(told).toEqual([]);
    await clock.advance(100);
    expect(sockets(told)).toEqual([1, 2]);
    expect(opened.untold()).toEqual([]);
  });

  it('a trace that cannot be read any more fails once and is removed', async () => {
    const { clock, owners, removed, onFailed, time } = await openTrace();
    const [first, second] = [owners.get(1), owners.get(2)];
    time.broken = 'EIO';
    first?.readable();
    second?.readable();
    await clock.advance(1000);
    expect(onFailed).toHaveBeenCalledTimes(1);
    expect(removed).toHaveBeenCalledTimes(1);
    expect(owners.size).toBe(0);
  });

  it('is not available where the kernel describes it in another way', async () => {
    const removed = vi.fn();
    const trace = new SocketStateTrace({
      clock: new FakeClock(),
      byteOrder: 'LE',
      reader: { add: () => undefined, remove: () => undefined },
      openInstance: () => ({
        describe: () => 'something else',
        descriptors: [],
        enable: () => undefined,
        remove: removed,
      }),
    });
    const listener = { onTransitions: vi.fn(), lose: vi.fn(), onFailed: vi.fn() };
    expect(isUnavailable(await trace.subscribe(listener))).toBe(true);
    expect(removed).toHaveBeenCalledTimes(1);
  });
});
