import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AcceptingCall,
  acceptGroups,
  isFinished,
  type QueuedConnection,
  takersOf,
} from '../../../../collectors/connection-create/sources/accept-order.js';

interface Connection extends QueuedConnection {
  readonly takenBy: number;
}
interface Call extends AcceptingCall {
  readonly took: Connection;
}

/**
 * What a kernel does with connections to the sockets of one local end. `slow` is how long a call goes on after it took;
 * `early` how long it blocked before; `late` how much later its record was read.
 */
const history = (sockets: number) =>
  fc
    .array(
      fc.record({
        gap: fc.oneof(fc.nat(3), fc.nat(200)),
        waits: fc.nat(60),
        socket: fc.nat(sockets - 1),
        worker: fc.nat(2),
        early: fc.oneof(fc.constant(0), fc.nat(300)),
        slow: fc.oneof(fc.constant(0), fc.nat(80)),
        late: fc.nat(60),
        seen: fc.boolean(),
      }),
      { maxLength: 12 },
    )
    .map((steps) => {
      const [connections, calls, seen]: [Connection[], Call[], Set<Connection>] = [
        [],
        [],
        new Set(),
      ];
      const takenMs = new Map<number, number>();
      let atMs = 1_000_000;
      for (const { gap, waits, socket, worker, early, slow, late, ...step } of steps) {
        atMs += gap;
        // Workers of one socket each have their own pids; with one socket all share it.
        const pid = 10 * (socket + 1) + (sockets > 1 ? 0 : worker);
        const connection = { atMs, takenBy: pid };
        // First in, first out.
        const tookMs = Math.max(atMs + waits, takenMs.get(socket) ?? 0);
        takenMs.set(socket, tookMs);
        connections.push(connection);
        const endedMs = tookMs + slow + late;
        calls.push({ pid, socket, beganMs: tookMs - early, endedMs, took: connection });
        if (step.seen) seen.add(connection);
      }
      return { connections, calls, seen, pids: new Set(calls.map(({ pid }) => pid)) };
    });

describe.each([
  ['one socket that several processes share', 1],
  ['several sockets of one local end', 3],
])('accepting from %s', (_name, sockets) => {
  it('a process is only named when it took the connection, whatever was read up to then', () => {
    fc.assert(
      fc.property(history(sockets), fc.nat(3000), ({ connections, calls, seen, pids }, sinceMs) => {
        const nowMs = 1_000_000 + sinceMs;
        const read = calls.filter(({ endedMs }) => endedMs <= nowMs);
        const there = connections.filter(({ atMs }) => atMs <= nowMs);
        for (const group of acceptGroups(there, read)) {
          const taken = takersOf(
            group,
            (each) => (seen.has(each) ? each.takenBy : undefined),
            pids,
          );
          for (const [{ takenBy }, taker] of taken)
            if (typeof taker === 'number') expect(taker).toBe(takenBy);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('groups hold every connection once, and in a finished one each has its call', () => {
    fc.assert(
      fc.property(history(sockets), ({ connections, calls }) => {
        const groups = acceptGroups(connections, calls);
        expect(groups.flatMap((group) => group.connections)).toHaveLength(connections.length);
        for (const group of groups) {
          expect(isFinished(group)).toBe(true);
          expect(new Set(group.calls.map(({ took }) => took))).toEqual(new Set(group.connections));
        }
      }),
      { numRuns: 1000 },
    );
  });
});

/** A call that began and ended then. */
const call = (pid: number, beganMs: number, endedMs: number, socket = 1): AcceptingCall => ({
  ...{ pid, socket, beganMs, endedMs },
});
const at = (atMs: number) => ({ atMs });
const takers = (
  connections: readonly QueuedConnection[],
  calls: readonly AcceptingCall[],
  seen = new Map<QueuedConnection, number>(),
) => {
  const pids = new Set(calls.map(({ pid }) => pid));
  const told = acceptGroups(connections, calls).flatMap((group) => [
    ...takersOf(group, (connection) => seen.get(connection), pids),
  ]);
  return connections.map((connection) => new Map(told).get(connection));
};

describe('who took a connection', () => {
  it('is the only process that accepts, however its calls lie', () => {
    expect(takers([at(100), at(101)], [call(7, 0, 180), call(7, 110, 180)])).toEqual([7, 7]);
  });

  it('is each of two processes, where one was through before the other connection was there', () => {
    expect(takers([at(100), at(200)], [call(7, 0, 150), call(8, 0, 250)])).toEqual([7, 8]);
  });

  it('is each of two processes, where one was through before the other began', () => {
    expect(takers([at(100), at(101)], [call(7, 0, 150), call(8, 160, 250)])).toEqual([7, 8]);
  });

  it('cannot be told by the order where the processes have sockets of their own', () => {
    const calls = [call(7, 0, 150, 1), call(8, 160, 250, 2)];
    expect(takers([at(100), at(101)], calls)).toEqual(['several', 'several']);
  });

  it('is the other one, where the call of one belongs to a connection that it was seen with', () => {
    const connections = [at(100), at(101)] as const;
    const calls = [call(7, 0, 150), call(8, 0, 150)];
    expect(takers(connections, calls)).toEqual(['several', 'several']);
    expect(takers(connections, calls, new Map([[connections[1], 7]]))).toEqual([8, 7]);
  });

  it('is not known while calls are missing, except of one that was seen', () => {
    const connections = [at(100), at(101), at(102)] as const;
    expect(takers(connections, [call(7, 0, 150)])).toEqual([undefined, undefined, undefined]);
    expect(takers(connections, [call(7, 0, 150), call(8, 0, 150)])).toEqual(
      Array(3).fill('several'),
    );
    expect(takers(connections, [call(7, 0, 150)], new Map([[connections[1], 7]]))).toEqual([
      ...[undefined, 7, undefined],
    ]);
  });

  it('is nobody whose call was over before', () => {
    expect(takers([at(100)], [call(7, 0, 50), call(8, 60, 150)])).toEqual([8]);
  });

  it('is nobody who does not accept, though it had the connection', () => {
    const connections = [at(100)] as const;
    expect(takers(connections, [call(7, 0, 150)], new Map([[connections[0], 9]]))).toEqual([7]);
  });
});
