import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteOrder } from '../../../../collectors/kernel/byte-order.js';
import type { Endpoint } from '../../../../collectors/kernel/sockets/endpoint.js';
import {
  type SocketTransition,
  transitionReader,
} from '../../../../collectors/kernel/sockets/sock-state.js';
import {
  parseEventFormat,
  parsePageLayout,
  readPage,
} from '../../../../collectors/kernel/trace/trace-page.js';
import {
  captured,
  capturedFrom,
  narrow,
  narrowPage,
  narrowRecord,
  part,
} from '../../../support/trace-cases.js';

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('missing');
  return value;
}

function transitionsOf(page: Buffer, described: typeof narrow, byteOrder: ByteOrder) {
  const layout = present(parsePageLayout(described.headerPage));
  const read = present(transitionReader(present(parseEventFormat(described.format)), byteOrder));
  const transitions: SocketTransition[] = [];
  const result = readPage(page, layout, byteOrder, (timeNs, record) => {
    const transition = read(timeNs, record);
    if (transition !== undefined && transition !== 'malformed') transitions.push(transition);
  });
  return { transitions, ...result };
}

const brief = (transition: SocketTransition) => {
  const { oldState, newState, local, remote, threadId } = transition;
  const text = ({ address, port }: Endpoint) => `${address} ${port}`;
  return `${threadId} ${oldState}>${newState} ${text(local)} - ${text(remote)}`;
};

describe('pages of the trace ring buffer', () => {
  it('kernel 6.18: sockets of IPv4, IPv6 and IPv4 on IPv6, refused ones too', () => {
    const { transitions, lost, malformed } = transitionsOf(captured.page, captured, 'LE');
    expect({ lost, malformed }).toEqual({ lost: 0, malformed: false });
    expect(transitions.map(brief)).toEqual([
      '24623 7>10 127.0.0.1 8080 - 0.0.0.0 0',
      '24623 7>2 127.0.0.1 0 - 127.0.0.1 8080',
      '24623 2>1 127.0.0.1 46808 - 127.0.0.1 8080',
      '24623 3>1 127.0.0.1 8080 - 127.0.0.1 46808',
      '24623 7>10 :: 8081 - :: 0',
      '24623 7>2 ::1 0 - ::1 8081',
      '24623 2>1 ::1 54878 - ::1 8081',
      '24623 3>1 ::1 8081 - ::1 54878',
      '24623 7>2 127.0.0.1 0 - 127.0.0.1 8081',
      '24623 2>1 127.0.0.1 58768 - 127.0.0.1 8081',
      '24623 3>1 127.0.0.1 8081 - 127.0.0.1 58768',
      '24623 7>2 127.0.0.1 0 - 127.0.0.1 1',
      '24623 2>7 127.0.0.1 58120 - 127.0.0.1 1',
    ]);
  });

  it.each(['6.1', '6.12'])('kernel %s: a connection to an own server', (kernel) => {
    const described = capturedFrom(kernel);
    const { transitions, lost, malformed } = transitionsOf(described.page, described, 'LE');
    expect({ lost, malformed }).toEqual({ lost: 0, malformed: false });
    // Recorded without the agent's filter: closing is in it as well.
    const opening = transitions.filter(({ newState }) => [1, 2, 10].includes(newState));
    const withoutThread = opening.map((transition) => brief(transition).replace(/^\d+ /, ''));
    expect(withoutThread).toEqual([
      '7>10 127.0.0.1 8302 - 0.0.0.0 0',
      '7>2 127.0.0.1 40302 - 127.0.0.1 8302',
      '2>1 127.0.0.1 40302 - 127.0.0.1 8302',
      '3>1 127.0.0.1 8302 - 127.0.0.1 40302',
    ]);
    expect(new Set(opening.map(({ threadId }) => threadId)).size).toBe(1);
  });

  it('times grow by the differences, also over a pause longer than they can hold', () => {
    const { transitions } = transitionsOf(captured.page, captured, 'LE');
    const times = transitions.map(({ timeNs }) => timeNs);
    expect(times[0]).toBe(Number(captured.page.readBigUInt64LE(0)));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    // The program slept 0.3 s between its two servers.
    expect((times[4] ?? 0) - (times[3] ?? 0)).toBeGreaterThan(300e6);
    expect((times[12] ?? 0) - (times[0] ?? 0)).toBeLessThan(400e6);
  });

  const values = {
    thread: 77,
    socket: 0xc1234560,
    states: [7, 2],
    ports: [0, 443],
    addresses: ['10.0.0.2', '192.0.2.1'],
  } as const;

  it.each(['LE', 'BE'] as const)('32-bit kernels before 5.6, %s', (byteOrder) => {
    const record = narrowRecord(values, byteOrder);
    const page = narrowPage(
      5_000n,
      [
        part(17, 10, byteOrder, record),
        part(30, 5, byteOrder, 2),
        part(29, 9, byteOrder, 8, 0),
        part(0, 20, byteOrder, record.length + 4, record),
        part(31, 7, byteOrder, 3),
        part(17, 1, byteOrder, record),
        part(29, 0, byteOrder),
        Buffer.alloc(16, 0xff),
      ],
      byteOrder,
    );
    const { transitions, lost, malformed } = transitionsOf(page, narrow, byteOrder);
    expect({ lost, malformed }).toEqual({ lost: 0, malformed: false });
    expect(transitions.map(brief)).toEqual(Array(3).fill('77 7>2 10.0.0.2 0 - 192.0.2.1 443'));
    expect(transitions.map(({ timeNs }) => timeNs)).toEqual([
      5010,
      5010 + 2 * 2 ** 27 + 5 + 9 + 20,
      3 * 2 ** 27 + 7 + 1,
    ]);
  });

  it('what was overwritten is counted, as one where the kernel does not say how many', () => {
    const record = part(17, 10, 'LE', narrowRecord(values, 'LE'));
    const unstored = narrowPage(1n, [record], 'LE', 0x8000_0000);
    expect(transitionsOf(unstored, narrow, 'LE')).toMatchObject({ lost: 1, malformed: false });
    const count = Buffer.from([42, 0, 0, 0]);
    const stored = narrowPage(1n, [record], 'LE', 0xc000_0000, count);
    expect(transitionsOf(stored, narrow, 'LE')).toMatchObject({ lost: 42, malformed: false });
  });

  it('records of other events are passed over', () => {
    const other = part(17, 10, 'LE', narrowRecord({ ...values, type: 5 }, 'LE'));
    const { transitions, malformed } = transitionsOf(narrowPage(1n, [other], 'LE'), narrow, 'LE');
    expect({ transitions, malformed }).toEqual({ transitions: [], malformed: false });
  });

  it('a page or a record that is cut off is malformed, and costs no other', () => {
    const record = part(17, 10, 'LE', narrowRecord(values, 'LE'));
    const cut = narrowPage(1n, [record, record.subarray(0, 20)], 'LE');
    expect(transitionsOf(cut, narrow, 'LE')).toMatchObject({ malformed: true });
    expect(transitionsOf(cut, narrow, 'LE').transitions).toHaveLength(1);
    expect(transitionsOf(Buffer.alloc(3), narrow, 'LE')).toMatchObject({ malformed: true });
  });

  it('no page makes the parsers throw', () => {
    const mutated = fc
      .array(fc.tuple(fc.nat(captured.page.length - 1), fc.nat(255)), { maxLength: 40 })
      .map((changes) => {
        const page = Buffer.from(captured.page);
        for (const [at, value] of changes) page[at] = value;
        return page;
      });
    const any = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, any), fc.constantFrom('LE', 'BE'), (page, byteOrder) => {
        transitionsOf(page, captured, byteOrder);
        transitionsOf(page, narrow, byteOrder);
      }),
    );
  });

  it('a description that lacks something is refused', () => {
    expect(parsePageLayout('field: u64 timestamp;	offset:0;	size:8;')).toBeUndefined();
    expect(
      parsePageLayout(captured.headerPage.replace('size:8;	signed:1', 'size:3;')),
    ).toBeUndefined();
    expect(parseEventFormat('name: x')).toBeUndefined();
    for (const name of ['skaddr', 'sport', 'daddr_v6', 'oldstate', 'common_pid']) {
      const format = parseEventFormat(captured.format.replace(name, 'other'));
      expect(transitionReader(present(format), 'LE')).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        parsePageLayout(text);
        parseEventFormat(text);
      }),
    );
  });
});
