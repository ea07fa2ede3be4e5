import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tcpStates } from '../../../../collectors/kernel/sockets/sock-state.js';
import type { ObservedTransition } from '../../../../collectors/kernel/sockets/sock-state-trace.js';
import { LoginConnections } from '../../../../collectors/login/sources/connections.js';

const sshd = 50;
const sshPort = 22;
const quietMs = 600_000;
const address = '192.0.2.1';

/** A device whose sshd is process 50, after ten minutes of quiet. */
function setUp() {
  const clock = { ms: 0 };
  const parents = new Map<number, number>();
  const connections = new LoginConnections({
    monotonicMs: () => clock.ms,
    parentOf: (pid) => parents.get(pid),
    listeningPortsOf: (pid) => new Set(pid === sshd ? [sshPort] : []),
  });
  clock.ms = quietMs;
  const transition = (
    remotePort: number,
    [oldState, newState]: readonly [number, number],
    { threadId = 0, localPort = sshPort, from = address, socket = `s${remotePort}` } = {},
  ): ObservedTransition => ({
    ...{ socket, threadId, oldState, newState, timeNs: ++clock.ms * 1e6, timeMs: clock.ms },
    local: { address: '192.0.2.9', port: localPort, family: 4 },
    remote: { address: from, port: remotePort, family: 4 },
  });
  type Parts = Parameters<typeof transition>[2];
  const { synReceived, established, closeWait, lastAck } = tcpStates;
  return {
    clock,
    connections,
    parents,
    establish: (remotePort: number, parts?: Parts) =>
      connections.take([transition(remotePort, [synReceived, established], parts)]),
    close: (remotePort: number, threadId: number, parts?: Parts) =>
      connections.take([transition(remotePort, [closeWait, lastAck], { ...parts, threadId })]),
    portOf: (pid: number, timeMs = clock.ms) =>
      connections.find({ pid, remoteAddress: address, timeMs })?.remote.port,
  };
}

describe('the connection of a login whose process is gone', () => {
  it('is the one that the process closed, or a child of it, among others from the same address', () => {
    const { clock, parents, establish, close, portOf } = setUp();
    for (const port of [1001, 1002, 1003]) establish(port);
    const { ms: loginMs } = clock;
    parents.set(72, 71);
    close(1002, 70);
    close(1003, 72);
    expect(portOf(70, loginMs)).toBe(1002);
    expect(portOf(71, loginMs)).toBe(1003);
    expect(portOf(70, loginMs)).toBe(1002);
  });

  it('is the only one to a port of its parent, when nobody is known to have closed it', () => {
    const { parents, establish, portOf } = setUp();
    parents.set(70, sshd);
    establish(1001);
    establish(1002, { localPort: 80 });
    establish(1003, { from: '192.0.2.2' });
    expect(portOf(70)).toBe(1001);
    expect(portOf(70)).toBe(1001);
  });

  it('is not told when two could be meant, and is when a login has the other', () => {
    const { parents, connections, establish, portOf } = setUp();
    parents.set(70, sshd).set(71, sshd);
    establish(1001);
    establish(1002);
    expect(portOf(70)).toBeUndefined();
    connections.claim(71, {
      local: { address: '192.0.2.9', port: sshPort, family: 4 },
      remote: { address, port: 1001, family: 4 },
    });
    expect(portOf(70)).toBe(1002);
  });

  it('is not told when its parent is unknown or listens on no port of a connection', () => {
    const { parents, establish, portOf } = setUp();
    establish(1001);
    expect(portOf(70)).toBeUndefined();
    parents.set(70, 51);
    expect(portOf(70)).toBeUndefined();
  });

  it('is none that began after the login, or that another process closed', () => {
    const { clock, parents, establish, close, portOf } = setUp();
    parents.set(70, sshd);
    const { ms: loginMs } = clock;
    clock.ms += 1000;
    establish(1001);
    expect(portOf(70, loginMs)).toBeUndefined();
    close(1001, 71);
    expect(portOf(70)).toBeUndefined();
  });

  it('is none that the process before it with the same id closed', () => {
    const { clock, establish, close, portOf } = setUp();
    establish(1001);
    close(1001, 70);
    clock.ms += 60_000;
    expect(portOf(70)).toBeUndefined();
  });

  it('is not guessed while connections may have been missed', () => {
    const { clock, connections, parents, establish, portOf } = setUp();
    parents.set(70, sshd);
    connections.missed();
    clock.ms += 60_000;
    establish(1001);
    expect(portOf(70)).toBeUndefined();
    clock.ms += quietMs;
    establish(1002);
    expect(portOf(70)).toBe(1002);
  });

  it('is remembered once, however often it is told, and of a socket whose memory is used again', () => {
    const { connections, establish, close, clock, portOf } = setUp();
    const startMs = clock.ms;
    establish(1001, { socket: 'same' });
    clock.ms = startMs;
    establish(1001, { socket: 'same' });
    expect(connections.size).toBe(1);
    establish(1002, { socket: 'same' });
    close(1001, 70, { socket: 'same' });
    expect(portOf(70)).toBeUndefined();
    close(1002, 71, { socket: 'same' });
    expect(portOf(71)).toBe(1002);
  });
});

describe('what is remembered of connections', () => {
  it('is bounded for each port and in all, and a busy port does not drive out another', () => {
    const { connections, establish, close, portOf } = setUp();
    establish(1);
    for (let port = 2; port < 3000; port++) establish(port, { localPort: 80 });
    expect(connections.size).toBe(257);
    close(1, 70);
    expect(portOf(70)).toBe(1);
    for (let port = 3000; port < 6000; port++) establish(port, { localPort: port });
    expect(connections.size).toBe(1024);
  });

  it('is forgotten after ten minutes', () => {
    const { connections, clock, establish } = setUp();
    establish(1);
    clock.ms += quietMs;
    connections.take([]);
    expect(connections.size).toBe(0);
  });
});

it('no login is ever given the port of another, whatever the order of connections, logins and ends', () => {
  const step = fc.record({
    kind: fc.constantFrom('connect', 'connect unseen', 'login', 'close', 'reset'),
    session: fc.nat(4),
    byChild: fc.boolean(),
    waitMs: fc.nat(2000),
  });
  let found = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { clock, connections, parents, establish, close, portOf } = setUp();
      const open = new Set<number>();
      let rounds = 0;
      const pids = new Map<number, number>();
      for (const { kind, session, byChild, waitMs } of steps) {
        clock.ms += waitMs;
        const pid = pids.get(session) ?? 0;
        // A process belongs to the connection with its own number as port.
        if (kind.startsWith('connect') && !open.has(session)) {
          const next = 100 + 10 * session + 100 * ++rounds;
          pids.set(session, next);
          parents.set(next, sshd).set(next + 1, next);
          if (kind === 'connect') {
            establish(next);
            open.add(session);
          } else connections.missed();
        } else if (kind === 'login') {
          const port = portOf(pid);
          if (port !== undefined) found++;
          expect([pid, undefined]).toContain(port);
        } else if (kind === 'close' && open.has(session)) {
          const loginMs = clock.ms;
          close(pid, byChild ? pid + 1 : pid);
          open.delete(session);
          // The process is known to be the one that closed it.
          expect(portOf(pid, loginMs)).toBe(pid);
        } else if (kind === 'reset') open.delete(session);
      }
    }),
    { numRuns: 2000 },
  );
  expect(found).toBeGreaterThan(0);
});

it('a login long after its process closed its connection is given no other', () => {
  const { clock, parents, establish, close, portOf } = setUp();
  parents.set(210, sshd).set(300, sshd);
  establish(210);
  close(210, 210);
  clock.ms += 990;
  establish(300);
  clock.ms += 10;
  expect([210, undefined]).toContain(portOf(210));
  clock.ms += 10;
  expect(portOf(210)).toBeUndefined();
});
