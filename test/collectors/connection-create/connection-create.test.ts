import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { isUnavailable } from '../../../base/unavailable.js';
import { connectionCreate } from '../../../collectors/connection-create/index.js';
import type { Observation } from '../../../collectors/interface/collector.js';
import type { Host } from '../../../collectors/interface/host.js';
import type { AuditEvent } from '../../../collectors/kernel/audit/event.js';
import { parseRecord } from '../../../collectors/kernel/audit/record.js';
import type { AuditSubscriber } from '../../../collectors/kernel/audit/source.js';
import type { ProcessInfo } from '../../../collectors/kernel/processes/processes.js';
import type {
  EndedSockets,
  EndedSocketsSubscriber,
} from '../../../collectors/kernel/sockets/ended-sockets.js';
import type { Endpoint } from '../../../collectors/kernel/sockets/endpoint.js';
import { ListeningOwners } from '../../../collectors/kernel/sockets/listening-owners.js';
import type { HostConnection } from '../../../collectors/kernel/sockets/owner-wish.js';
import { tcpStates } from '../../../collectors/kernel/sockets/sock-state.js';
import type {
  ObservedTransition,
  SocketStateSubscriber,
} from '../../../collectors/kernel/sockets/sock-state-trace.js';
import { findSocketOwners } from '../../../collectors/kernel/sockets/socket-owners.js';
import type { SourceState } from '../../../collectors/kernel/source-state.js';
import { checkPayload } from '../../../contract/payload-check.js';
import { caseSettings, fakeHost } from '../../support/case-host.js';
import { FakeClock } from '../../support/fake-clock.js';
import { at, endText, procOf, socketLine } from '../../support/socket-proc.js';

vi.mock('../../../collectors/kernel/sockets/socket-owners.js', { spy: true });

const listening = socketLine('00000000:1F90', '00000000:0000', '0A', 900);

async function start(parts: Partial<Host>, has: readonly ('trace' | 'audit')[]) {
  const clock = new FakeClock();
  const observed: Observation<'ConnectionCreate'>[] = [];
  const states: SourceState[] = [];
  const [lose, fail] = [vi.fn(), vi.fn()];
  const refuse = { unavailable: 'Not here.' };
  const kernel = {
    trace: undefined as SocketStateSubscriber | undefined,
    audit: undefined as AuditSubscriber | undefined,
    has: [...has],
    untold: [] as readonly ObservedTransition[],
  };
  const processes = new Map<number, ProcessInfo>();
  const running = await connectionCreate.start({
    host: fakeHost({
      clock,
      ownPid: 4,
      socketStates: {
        follow: () => () => undefined,
        subscribe: (subscriber) => {
          if (!kernel.has.includes('trace')) return Promise.resolve(refuse);
          kernel.trace = subscriber;
          return Promise.resolve({ untold: () => kernel.untold, end: () => undefined });
        },
      },
      audit: {
        subscribe: (subscriber) => {
          if (!kernel.has.includes('audit')) return Promise.resolve(refuse);
          kernel.audit = subscriber;
          subscriber.onState({ source: 'audit-owner' });
          return Promise.resolve({ end: () => Promise.resolve() });
        },
      },
      processes: {
        ...fakeHost().processes,
        of: (pid) => {
          const process = processes.get(pid);
          return process && { container: null, ...process };
        },
      },
      ...parts,
    }),
    clock,
    emit: (observation) => {
      expect(checkPayload('ConnectionCreate', observation.payload)).toBeUndefined();
      observed.push(observation);
    },
    lose,
    setSource: (state) => states.push(state),
    fail,
  });
  if (isUnavailable(running)) throw new Error(running.unavailable);
  const timeMs = clock.wallMs();
  const go = (
    socket: string,
    states: readonly [number, number],
    local: Endpoint,
    remote: Endpoint,
    threadId = 50,
  ) =>
    kernel.trace?.onTransitions([
      {
        socket,
        threadId,
        timeNs: 0,
        timeMs,
        local,
        remote,
        oldState: states[0],
        newState: states[1],
      },
    ]);
  const { close, synSent, synReceived, established } = tcpStates;
  const attempt = (socket: string, remote: Endpoint, threadId = 50) =>
    go(socket, [close, synSent], at('10.0.0.1', 0), remote, threadId);
  return {
    clock,
    observed,
    states,
    lose,
    fail,
    kernel,
    processes,
    running,
    go,
    attempt,
    connect: (socket: string, port: number, remote: Endpoint, threadId = 50) => {
      attempt(socket, remote, threadId);
      go(socket, [synSent, established], at('10.0.0.1', port), remote, 0);
    },
    refuse: (socket: string, remote: Endpoint) => {
      attempt(socket, remote);
      go(socket, [synSent, close], at('10.0.0.1', 1), remote, 0);
    },
    accept: (local: Endpoint, remote: Endpoint) =>
      go('accepted', [synReceived, established], local, remote, 0),
    call: (body: string, saddr?: string, laterMs = 0) =>
      kernel.audit?.onEvent(callEvent(body, saddr, timeMs + laterMs)),
  };
}

const connectCall = (pid: number, exit = 0) =>
  `arch=c000003e syscall=42 success=${exit === 0 ? 'yes' : 'no'} exit=${exit} a0=3 pid=${pid} uid=1000 comm="audited" exe="/usr/bin/audited"`;
const acceptCall = (pid: number) =>
  `arch=c000003e syscall=288 success=yes exit=7 a0=3 pid=${pid} uid=33 comm="worker" exe="/usr/sbin/worker"`;
/** 192.0.2.1, and the port. */
const saddrOf = (port: number) =>
  `0200${port.toString(16).padStart(4, '0').toUpperCase()}C00002010000000000000000`;

function callEvent(body: string, saddr: string | undefined, timeMs: number): AuditEvent {
  const bodies: [number, string][] = [[1300, body]];
  if (saddr !== undefined) bodies.push([1306, `saddr=${saddr}`]);
  bodies.push([1327, 'proctitle="audited"']);
  const records = bodies.flatMap(
    ([type, text]) => parseRecord(type, `audit(1.000:1): ${text}`) ?? [],
  );
  return { id: '1.000:1', serial: 1, timeMs, records, complete: true };
}

const server = at('192.0.2.1', 443);
/** An accepted connection from that port of 192.0.2.1 to 10.0.0.1:8080. */
const taken = (port: number) =>
  socketLine('0100000A:1F90', endText(at('192.0.2.1', port)), '01', 910);
const master: ProcessInfo = {
  pid: 70,
  executable: '/usr/sbin/master',
  argv: ['master'],
  realUid: 0,
};
const curl: ProcessInfo = {
  pid: 50,
  executable: '/usr/bin/curl',
  argv: ['curl', 'x y'],
  realUid: 7,
};

describe('ConnectionCreate from a trace and audit', () => {
  it('tells who called connect, with both ends, when the handshake is finished', async () => {
    const { clock, observed, connect, attempt, processes } = await start({}, ['trace', 'audit']);
    processes.set(50, curl);
    attempt('pending', server);
    connect('a', 40000, server);
    await clock.advance(1000);
    expect(observed).toEqual([
      {
        timeMs: expect.any(Number) as number,
        argv: ['curl', 'x y'],
        payload: {
          Protocol: 'tcp',
          Direction: 'Out',
          RemoteAddress: '192.0.2.1',
          RemotePort: '443',
          LocalAddress: '10.0.0.1',
          LocalPort: '40000',
          ProcessId: 50,
          Executable: '/usr/bin/curl',
          CommandLine: 'curl x y',
          UserId: '7',
        },
      },
    ]);
  });

  it('believes audit about the moment of the call, and never takes a title for the command line', async () => {
    const { clock, observed, connect, call } = await start({}, ['trace', 'audit']);
    connect('a', 40000, server);
    await clock.advance(200);
    call(connectCall(50), saddrOf(443));
    await clock.advance(1000);
    expect(observed.map(({ payload }) => payload)).toMatchObject([
      {
        ProcessId: 50,
        Executable: '/usr/bin/audited',
        UserId: '1000',
        CommandLine: 'audited',
        ExtraDetails: { CommandLineKnown: 'false' },
      },
    ]);
  });

  const audited = {
    pid: 50,
    executable: '/usr/bin/audited',
    argv: ['audited', '--all', 'of it'],
    audited: true,
  };
  /** One connection of process 50 as it is told, of which the table says this at each step. */
  async function toldOf(steps: {
    readonly atBeginning?: ProcessInfo;
    readonly atCall?: ProcessInfo;
    readonly atEnd?: ProcessInfo;
  }) {
    const { clock, observed, connect, call, processes } = await start({}, ['trace', 'audit']);
    const become = (process: ProcessInfo | undefined) => {
      if (process !== undefined) processes.set(50, process);
    };
    become(steps.atBeginning);
    connect('a', 40000, server);
    become(steps.atCall);
    call(connectCall(50), saddrOf(443));
    become(steps.atEnd);
    await clock.advance(1000);
    expect(observed).toHaveLength(1);
    const { Executable, CommandLine, ExtraDetails } = observed[0]?.payload ?? {};
    return { Executable, CommandLine, ExtraDetails };
  }

  it('a program that changed what it is said to run is told as what was executed, with doubt', async () => {
    const atCall = { ...audited, executable: '/srv/evil', argv: ['evil', '-x'] };
    expect(await toldOf({ atCall, atEnd: audited })).toEqual({
      Executable: '/srv/evil',
      CommandLine: 'evil -x',
      ExtraDetails: { ExecutableKnown: 'false', CommandLineKnown: 'false' },
    });
  });

  it.each([
    ['before it executed another', { atCall: audited, atEnd: curl }],
    [
      'of which the table learned late',
      { atBeginning: curl, atEnd: { ...audited, audited: false } },
    ],
    [
      'whose file is deleted since',
      { atCall: { ...audited, executable: '/usr/bin/audited (deleted)' } },
    ],
  ])('a program is known by its call, %s', async (_how, steps) => {
    const told = await toldOf(steps);
    expect(told.Executable).toMatch(/^\/usr\/bin\/audited/u);
    expect(told.CommandLine).toBe('audited --all of it');
    expect(told.ExtraDetails).toBeUndefined();
  });

  it('a program that nothing but its call tells is told with doubt', async () => {
    expect(await toldOf({ atBeginning: curl })).toEqual({
      Executable: '/usr/bin/audited',
      CommandLine: 'audited',
      ExtraDetails: { ExecutableKnown: 'false', CommandLineKnown: 'false' },
    });
  });

  it('a command line of which the table knows a part is not told as the whole', async () => {
    const told = await toldOf({ atCall: { ...audited, argvComplete: false } });
    expect(told.ExtraDetails).toEqual({ CommandLineKnown: 'false' });
  });

  it('says so when nothing is known of the process', async () => {
    const { clock, observed, connect, accept } = await start({}, ['trace', 'audit']);
    connect('a', 40000, server);
    accept(at('10.0.0.1', 22), at('192.0.2.9', 50000));
    await clock.advance(1000);
    for (const { payload } of observed) {
      expect(payload).toMatchObject({ ProcessId: 0, Executable: '' });
      expect(payload.ExtraDetails).toEqual({ ProcessKnown: 'false' });
    }
    expect(observed).toHaveLength(2);
  });

  it('knows the process of a thread that has ended since, if it was seen before', async () => {
    const { paths } = procOf([], { 50: {} });
    const { clock, observed, connect, processes } = await start({ paths }, ['trace']);
    processes.set(50, curl);
    mkdirSync(`${paths.procRoot}/51`);
    writeFileSync(`${paths.procRoot}/51/status`, 'Name:\tx\nTgid:\t50\n');
    connect('a', 40000, server, 51);
    rmSync(`${paths.procRoot}/51`, { recursive: true });
    connect('b', 40001, server, 51);
    connect('c', 40002, server, 52);
    await clock.advance(1000);
    expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([50, 50, 0]);
  });

  it('knows by audit who made a connection whose beginning was not seen', async () => {
    const { clock, observed, call, go } = await start({}, ['trace', 'audit']);
    go('a', [tcpStates.synSent, tcpStates.established], at('10.0.0.1', 40000), server, 0);
    call(connectCall(50), saddrOf(443));
    await clock.advance(3000);
    expect(observed.map(({ payload }) => [payload.Protocol, payload.ProcessId])).toEqual([
      ['tcp', 50],
    ]);
  });

  it('waits for the call of each connection of which nothing else tells who made it', async () => {
    const { clock, observed, call, kernel } = await start({}, ['trace', 'audit']);
    const { close, synSent, established } = tcpStates;
    const step = { timeNs: 0, timeMs: clock.wallMs(), threadId: 51, remote: server };
    kernel.trace?.onTransitions(
      [40000, 40001].flatMap((port) => [
        {
          ...step,
          socket: `${port}`,
          local: at('10.0.0.1', 0),
          oldState: close,
          newState: synSent,
        },
        {
          ...{ ...step, socket: `${port}`, local: at('10.0.0.1', port) },
          ...{ oldState: synSent, newState: established },
        },
      ]),
    );
    call(connectCall(50), saddrOf(443));
    await clock.advance(500);
    call(connectCall(50), saddrOf(443));
    await clock.advance(1000);
    expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([50, 50]);
  });

  it('an audited call of another process to the same place is not taken for it', async () => {
    const { clock, observed, connect, call, processes } = await start({}, ['trace', 'audit']);
    processes.set(50, curl);
    processes.set(60, { ...curl, pid: 60 });
    connect('a', 40000, server);
    connect('b', 40001, server, 60);
    call(connectCall(60), saddrOf(443));
    await clock.advance(3000);
    expect(observed.map(({ payload }) => [payload.ProcessId, payload.LocalPort])).toEqual([
      [50, '40000'],
      [60, '40001'],
    ]);
  });

  it('a refused connect is counted and not told', async () => {
    const { clock, observed, states, refuse } = await start({}, ['trace', 'audit']);
    refuse('a', server);
    expect(states.at(-1)?.counters).toEqual({ failedConnects: 1 });
    refuse('b', server);
    refuse('c', server);
    expect(states.at(-1)?.counters).toEqual({ failedConnects: 1 });
    await clock.advance(60_000);
    expect(states.at(-1)).toEqual({
      source: 'tracefs+audit-owner',
      counters: { failedConnects: 3 },
    });
    expect(observed).toEqual([]);
  });

  it('a finished connect without TCP is UDP; one in the background never is', async () => {
    const { clock, observed, call, connect } = await start({}, ['trace', 'audit']);
    call(connectCall(50), saddrOf(53));
    call(connectCall(50, -115), saddrOf(54));
    connect('a', 40000, at('192.0.2.1', 55));
    call(connectCall(50), saddrOf(55));
    await clock.advance(3000);
    const told = observed.map(({ payload }) => [payload.Protocol, payload.RemotePort]);
    expect(told).toEqual([
      ['tcp', '55'],
      ['udp', '53'],
    ]);
    expect(clock.timers).toBe(0);
  });

  it('the record of a call that comes late does not become UDP', async () => {
    const { clock, observed, call, connect } = await start({}, ['trace', 'audit']);
    connect('a', 40000, server);
    await clock.advance(2000);
    call(connectCall(50), saddrOf(443));
    call(connectCall(50), saddrOf(443));
    await clock.advance(3000);
    expect(observed.map(({ payload }) => payload.Protocol)).toEqual(['tcp', 'udp']);
  });

  it.each([
    ['before the connection is told', 100],
    ['after it was told', 1000],
  ])('a UDP connect after a TCP fast open to the same place is told, %s', async (_when, waitMs) => {
    const { clock, observed, call, connect, processes } = await start({}, ['trace', 'audit']);
    processes.set(50, curl);
    // sendto(MSG_FASTOPEN) is no audited call.
    connect('a', 40000, server);
    await clock.advance(waitMs);
    call(connectCall(50), saddrOf(443), 50);
    await clock.advance(3000);
    expect(observed.map(({ payload }) => payload.Protocol)).toEqual(['tcp', 'udp']);
    expect(clock.timers).toBe(0);
  });

  it('a UDP connect after a TCP fast open does not wait for its end', async () => {
    const { clock, observed, call, attempt } = await start({}, ['trace', 'audit']);
    attempt('a', server);
    call(connectCall(50), saddrOf(443), 50);
    await clock.advance(3000);
    expect(observed.map(({ payload }) => payload.Protocol)).toEqual(['udp']);
  });

  it('a TCP connection that nobody had the time to look at is not taken for UDP', async () => {
    const { clock, observed, call, connect, kernel } = await start({}, ['trace', 'audit']);
    call(connectCall(50), saddrOf(443));
    kernel.untold = [
      {
        ...{ socket: 'a', threadId: 50, timeNs: 0, timeMs: clock.wallMs() },
        ...{ local: at('10.0.0.1', 0), remote: server },
        ...{ oldState: tcpStates.close, newState: tcpStates.synSent },
      },
    ];
    await clock.advance(9000);
    expect(observed).toEqual([]);
    kernel.untold = [];
    connect('a', 40000, server);
    await clock.advance(3000);
    expect(observed.map(({ payload }) => [payload.Protocol, payload.Executable])).toEqual([
      ['tcp', '/usr/bin/audited'],
    ]);
    expect(clock.timers).toBe(0);
  });

  it('a TCP connection that waits while a listener is searched for is not taken for UDP', async () => {
    const { clock, observed, call, kernel } = await start({}, ['trace', 'audit']);
    let found = (): void => undefined;
    const searching = new Promise<Map<string, HostConnection>>((resolve) => {
      found = () => resolve(new Map());
    });
    vi.spyOn(ListeningOwners.prototype, 'of').mockReturnValueOnce(searching);
    const { close, synSent, synReceived, established } = tcpStates;
    const step = { timeNs: 0, timeMs: clock.wallMs(), threadId: 50, local: at('10.0.0.1', 40000) };
    kernel.trace?.onTransitions([
      { ...step, socket: 'a', remote: server, oldState: close, newState: synSent },
      { ...step, socket: 'a', remote: server, oldState: synSent, newState: established },
      { ...step, socket: 'b', remote: server, oldState: synReceived, newState: established },
    ]);
    call(connectCall(50), saddrOf(443));
    await clock.advance(9000);
    expect(observed).toEqual([]);
    found();
    await clock.advance(3000);
    expect(
      observed.map(({ payload: { Protocol, Direction } }) => `${Protocol} ${Direction}`),
    ).toEqual(['tcp Out', 'tcp In']);
  });

  it('a connect that blocks for seconds is one connection', async () => {
    const { clock, observed, call, attempt, go } = await start({}, ['trace', 'audit']);
    attempt('a', server);
    await clock.advance(9000);
    go('a', [tcpStates.synSent, tcpStates.established], at('10.0.0.1', 40000), server, 0);
    call(connectCall(50), saddrOf(443));
    await clock.advance(3000);
    expect(observed.map(({ payload }) => [payload.Protocol, payload.Executable])).toEqual([
      ['tcp', '/usr/bin/audited'],
    ]);
  });

  it('where transitions were lost, UDP is said with doubt', async () => {
    const { clock, observed, call, kernel } = await start({}, ['trace', 'audit']);
    call(connectCall(50), saddrOf(53));
    kernel.trace?.lose('traceOverrun', 9);
    await clock.advance(3000);
    expect(observed[0]?.payload.ExtraDetails).toMatchObject({ ProtocolKnown: 'false' });
  });

  it('an accepted one belongs to who accepted it, or else to who listens', async () => {
    const { paths } = procOf([listening, taken(50000), taken(50001)], { 70: { 3: 900 } });
    const { clock, observed, accept, call, processes } = await start({ paths }, ['trace', 'audit']);
    processes.set(70, master);
    accept(at('10.0.0.1', 8080), at('192.0.2.1', 50000));
    accept(at('10.0.0.1', 8080), at('192.0.2.1', 50001));
    call(acceptCall(71), saddrOf(50001));
    await clock.advance(400);
    expect(observed.map(({ payload }) => [payload.ProcessId, payload.ExtraDetails])).toEqual([
      [70, { ProcessRole: 'listener' }],
      [71, { CommandLineKnown: 'false', ContainerKnown: 'false' }],
    ]);
    expect(observed[1]?.payload).toMatchObject({ Executable: '/usr/sbin/worker', UserId: '33' });
  });

  describe('whose caller passed no address to accept', () => {
    const local = at('10.0.0.1', 8080);
    const from = (port: number) => at('192.0.2.1', port);
    const workers = { 70: { 3: 900 }, 71: { 3: 900 }, 72: { 3: 900 } };
    const told = (observed: readonly Observation<'ConnectionCreate'>[]) =>
      observed.map(({ payload }) => [payload.ProcessId, payload.ExtraDetails]);

    it('belongs to the only one that accepts, though another listens, too', async () => {
      const { paths } = procOf([listening, taken(1), taken(2)], workers);
      const { clock, observed, accept, call } = await start({ paths }, ['trace', 'audit']);
      for (const port of [1, 2]) accept(local, from(port));
      for (const pid of [71, 71]) call(acceptCall(pid));
      await clock.advance(1000);
      expect(told(observed)).toEqual(
        Array(2).fill([71, { CommandLineKnown: 'false', ContainerKnown: 'false' }]),
      );
    });

    it('belongs to nobody where each of two may have taken it', async () => {
      const { paths } = procOf([listening, taken(1), taken(2)], workers);
      const { clock, observed, accept, call } = await start({ paths }, ['trace', 'audit']);
      for (const port of [1, 2]) accept(local, from(port));
      for (const pid of [71, 72]) call(acceptCall(pid));
      await clock.advance(1000);
      expect(told(observed)).toEqual(Array(2).fill([0, { ProcessKnown: 'false' }]));
    });

    it('belongs to that of two which closed it, or has it', async () => {
      const { paths, hold } = procOf([listening, taken(1), taken(2)], workers);
      const { clock, observed, go, call } = await start({ paths }, ['trace', 'audit']);
      const { synReceived, established, finWait1 } = tcpStates;
      for (const port of [1, 2]) go(`s${port}`, [synReceived, established], local, from(port), 0);
      go('s1', [established, finWait1], local, from(1), 72);
      for (const pid of [71, 72]) call(acceptCall(pid));
      await clock.advance(1000);
      expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([72, 71]);
      // Descriptor 7 is what the calls answered, and 910 the socket of the connection.
      hold(72, 7, 910);
      for (const port of [1, 2]) go(`t${port}`, [synReceived, established], local, from(port), 0);
      for (const pid of [71, 72]) call(acceptCall(pid));
      await clock.advance(1000);
      expect(observed.slice(2).map(({ payload }) => payload.ProcessId)).toEqual([72, 72]);
    });

    it('belongs to the second of two when the first was through before', async () => {
      const { paths } = procOf([listening, taken(1), taken(2)], workers);
      const { clock, observed, call, kernel } = await start({ paths }, ['trace', 'audit']);
      const { synReceived, established } = tcpStates;
      const accepted = (port: number) =>
        kernel.trace?.onTransitions([
          {
            ...{ socket: String(port), threadId: 0, timeNs: 0, timeMs: clock.wallMs() },
            ...{ local, remote: from(port), oldState: synReceived, newState: established },
          },
        ]);
      accepted(1);
      call(acceptCall(71));
      await clock.advance(20);
      accepted(2);
      call(acceptCall(72));
      await clock.advance(1000);
      expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([71, 72]);
    });

    it.each([
      ['on a socket that does not listen on the host', { 70: { 3: 900 }, 99: { 3: 666 } }],
      ['on a socket that nobody can look at', { 70: { 3: 900 } }],
    ])('belongs to nobody else who accepts %s', async (_where, holders) => {
      const { paths } = procOf([listening, taken(1)], holders);
      const { clock, observed, accept, call, processes } = await start({ paths }, [
        ...(['trace', 'audit'] as const),
      ]);
      processes.set(70, master);
      call(acceptCall(99));
      accept(local, from(1));
      call(acceptCall(99));
      call(acceptCall(70));
      call(acceptCall(99));
      await clock.advance(1000);
      expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([70]);
    });

    it('does not belong to who names its other end on a socket of another network namespace', async () => {
      const holders = { 70: { 3: 900 }, 99: { 3: 666 } };
      const { paths } = procOf([listening, taken(1)], holders);
      const { clock, observed, accept, call, processes } = await start({ paths }, [
        ...(['trace', 'audit'] as const),
      ]);
      processes.set(70, master);
      call(acceptCall(99), saddrOf(1));
      accept(local, from(1));
      await clock.advance(1000);
      expect(told(observed)).toEqual([[70, { ProcessRole: 'listener' }]]);
    });

    it('of another network namespace takes no call of a server of the host from its connection', async () => {
      const { paths } = procOf([listening, taken(1)], { 70: { 3: 900 } });
      const { clock, observed, go, call, processes } = await start({ paths }, ['trace', 'audit']);
      processes.set(70, master);
      const { synReceived, established } = tcpStates;
      go('forged', [synReceived, established], local, from(2), 0);
      go('real', [synReceived, established], local, from(1), 0);
      call(acceptCall(70));
      await clock.advance(1000);
      expect(observed.map(({ payload }) => [payload.RemotePort, payload.ProcessId])).toEqual([
        ['2', 0],
        ['1', 70],
      ]);
    });

    it('belongs to who listens also when the news of all ends are read late, one by one', async () => {
      const { paths } = procOf([listening], { 70: { 3: 900 } });
      let news: EndedSocketsSubscriber | undefined;
      const late = [1, 2, 3].map((port) => ({ local, remote: from(port) }));
      const endedSockets: EndedSockets = {
        subscribe: (subscriber) => {
          news = subscriber;
          const refresh = () => late.splice(0).forEach((each) => news?.onEnded([each]));
          return Promise.resolve({ refresh, end: () => undefined });
        },
      };
      const { clock, observed, accept, processes } = await start({ paths, endedSockets }, [
        'trace',
      ]);
      processes.set(70, master);
      const queued = late.splice(0);
      for (const { remote } of queued) accept(local, remote);
      await clock.advance(150);
      late.push(...queued);
      await clock.advance(1000);
      expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([70, 70, 70]);
    });

    it.each([
      ['who listened', [], [70, { ProcessRole: 'listener' }]],
      ['who accepted', [71, 71], [71, { CommandLineKnown: 'false', ContainerKnown: 'false' }]],
    ])(
      'belongs to %s, though all of it is gone when it is looked at',
      async (_who, pids, answer) => {
        const { paths, tell, drop } = procOf([listening], { 70: { 3: 900 }, 71: { 3: 900 } });
        let news: EndedSocketsSubscriber | undefined;
        const endedSockets: EndedSockets = {
          subscribe: (subscriber) => {
            news = subscriber;
            return Promise.resolve({ refresh: () => undefined, end: () => undefined });
          },
        };
        const ofThen = fakeHost().clock.wallMs() + 20;
        const processes = {
          ...fakeHost().processes,
          of: (pid: number, atMs = Infinity) =>
            pid === 70 && atMs <= ofThen ? { ...master, container: null, pid } : undefined,
        };
        const parts = { paths, endedSockets, processes };
        const { clock, observed, accept, call } = await start(parts, ['trace', 'audit']);
        await clock.advance(10);
        for (const port of [1, 2]) accept(local, from(port));
        for (const pid of pids) call(acceptCall(pid));
        for (const pid of [70, 71]) drop(pid, 3);
        tell([]);
        await clock.advance(50);
        news?.onEnded([1, 2].map((port) => ({ local, remote: from(port) })));
        await clock.advance(1000);
        expect(told(observed)).toEqual([answer, answer]);
      },
    );

    it('belongs to who listens also when it is gone, by the news of its end', async () => {
      const { paths } = procOf([listening], { 70: { 3: 900 } });
      let news: EndedSocketsSubscriber | undefined;
      const endedSockets: EndedSockets = {
        subscribe: (subscriber) => {
          news = subscriber;
          return Promise.resolve({ refresh: () => undefined, end: () => undefined });
        },
      };
      const parts = { paths, endedSockets };
      const { clock, observed, accept, processes, running } = await start(parts, ['trace']);
      processes.set(70, master);
      for (const port of [1, 2, 3]) accept(local, from(port));
      news?.onEnded([{ local, remote: from(1) }]);
      await clock.advance(250);
      news?.onEnded([{ local, remote: from(2) }]);
      await clock.advance(1000);
      expect(observed.map(({ payload }) => [payload.RemotePort, payload.ProcessId])).toEqual([
        ['1', 70],
        ['2', 70],
        ['3', 0],
      ]);
      await running.stop();
    });
  });

  it('one accepted in another network namespace is not told as one of a listener of the host', async () => {
    const { paths } = procOf([listening], { 70: { 3: 900 } });
    const { clock, observed, accept, processes, go, lose } = await start({ paths }, ['trace']);
    processes.set(70, master);
    go('listener', [tcpStates.close, tcpStates.listen], at('0.0.0.0', 8080), at('0.0.0.0', 0), 70);
    for (const address of ['127.0.0.1', '10.0.0.1', '198.51.100.7'])
      accept(at(address, 8080), at('192.0.2.1', 50000));
    await clock.advance(3000);
    expect(observed.map(({ payload }) => [payload.ProcessId, payload.ExtraDetails])).toEqual(
      Array(3).fill([0, { ProcessKnown: 'false' }]),
    );
    expect(lose).not.toHaveBeenCalled();
  });

  it('one accepted belongs to the process that has the socket now, not to one that passed it on', async () => {
    const { paths, hold, drop } = procOf([listening, taken(50000)], {
      60: {},
      70: { 3: 900 },
    });
    const { clock, observed, accept, processes } = await start({ paths }, ['trace']);
    processes.set(60, { ...master, pid: 60 });
    processes.set(70, master);
    accept(at('10.0.0.1', 8080), at('192.0.2.1', 50000));
    await clock.advance(400);
    hold(60, 4, 900);
    drop(70, 3);
    accept(at('10.0.0.1', 8080), at('192.0.2.1', 50000));
    await clock.advance(400);
    expect(observed.map(({ payload }) => payload.ProcessId)).toEqual([70, 60]);
  });

  it('one accepted for which there was no time to search is told without a process, and counted', async () => {
    const { paths } = procOf([listening, taken(50000)]);
    const { clock, observed, accept, lose } = await start({ paths }, ['trace']);
    vi.mocked(findSocketOwners).mockReturnValueOnce(new Promise(() => undefined));
    accept(at('10.0.0.1', 8080), at('192.0.2.1', 50000));
    await clock.advance(9000);
    expect(observed).toEqual([]);
    await clock.advance(2000);
    expect(observed.map(({ payload }) => payload.ExtraDetails)).toEqual([
      { ProcessKnown: 'false' },
    ]);
    expect(lose.mock.calls).toEqual([['connectionsPending', 1]]);
  });

  it("leaves the agent's own connections out", async () => {
    const { clock, observed, connect, processes } = await start({}, ['trace', 'audit']);
    processes.set(4, { ...curl, pid: 4 });
    connect('a', 40000, server, 4);
    await clock.advance(3000);
    expect(observed).toEqual([]);
  });

  it('both sides at once is a connection from here', async () => {
    const { clock, observed, attempt, go } = await start({}, ['trace', 'audit']);
    attempt('a', server);
    go('a', [tcpStates.synSent, tcpStates.synReceived], at('10.0.0.1', 1), server);
    go('a', [tcpStates.synReceived, tcpStates.established], at('10.0.0.1', 1), server);
    await clock.advance(1000);
    expect(observed.map(({ payload }) => payload.Direction)).toEqual(['Out']);
  });

  it.each([
    ['closed by the kernel', tcpStates.close],
    ['closed by its owner', tcpStates.finWait1],
  ])('one that both sides began and that is %s is a failed connect', async (_how, state) => {
    const { clock, observed, states, attempt, go, processes } = await start({}, ['trace', 'audit']);
    processes.set(50, curl);
    attempt('a', server);
    go('a', [tcpStates.synSent, tcpStates.synReceived], at('10.0.0.1', 1), server);
    go('a', [tcpStates.synReceived, state], at('10.0.0.1', 1), server);
    expect(states.at(-1)?.counters).toEqual({ failedConnects: 1 });
    // The kernel gives the memory of the socket to one that is accepted, even with the same two ends.
    go('a', [tcpStates.synReceived, tcpStates.established], at('10.0.0.1', 1), server, 0);
    go('b', [tcpStates.synReceived, tcpStates.close], at('10.0.0.1', 1), server, 0);
    await clock.advance(1000);
    expect(observed.map(({ payload }) => payload.Direction)).toEqual(['In']);
    expect(states.at(-1)?.counters).toEqual({ failedConnects: 1 });
  });

  it('an accepted one is not taken for an attempt whose end was missed', async () => {
    const { clock, observed, attempt, go, processes } = await start({}, ['trace', 'audit']);
    processes.set(50, curl);
    const [mine, other] = [at('10.0.0.1', 1), at('192.0.2.1', 444)];
    const { synSent, synReceived, established } = tcpStates;
    attempt('begun', server);
    go('begun', [synReceived, established], mine, server, 0);
    for (const socket of ['local', 'remote']) {
      attempt(socket, server);
      go(socket, [synSent, synReceived], mine, server);
    }
    go('local', [synReceived, established], at('10.0.0.1', 2), server, 0);
    go('remote', [synReceived, established], mine, other, 0);
    await clock.advance(1000);
    const told = observed.map(({ payload: { Direction, ProcessId } }) => [Direction, ProcessId]);
    expect(told).toEqual(Array(3).fill(['In', 0]));
  });

  it('one that was made elsewhere is not laid to the process of an attempt whose end was missed', async () => {
    const { clock, observed, attempt, go, processes } = await start({}, ['trace', 'audit']);
    processes.set(50, curl);
    attempt('a', server);
    const { synSent, established } = tcpStates;
    go('a', [synSent, established], at('10.0.0.1', 1), at('192.0.2.1', 444), 0);
    await clock.advance(1000);
    const told = observed.map(({ payload: { Direction, ProcessId } }) => [Direction, ProcessId]);
    expect(told).toEqual([['Out', 0]]);
  });

  it('forgets the oldest of too many attempts, and counts them', async () => {
    const { lose, attempt, clock } = await start({}, ['trace']);
    for (let index = 0; index < 8200; index++) attempt(String(index), server);
    await clock.advance(1000);
    expect(lose.mock.calls).toEqual(Array(8).fill(['connectionsPending', 1]));
  });

  it('tells everything that was handed in before the stop, and nothing after it', async () => {
    const { clock, observed, connect, accept, call, running } = await start({}, ['trace', 'audit']);
    connect('a', 40000, server);
    accept(at('10.0.0.1', 22), at('192.0.2.9', 50000));
    call(connectCall(50), saddrOf(53));
    await running.stop();
    expect(observed.map(({ payload }) => payload.Protocol).sort()).toEqual(['tcp', 'tcp', 'udp']);
    connect('b', 40001, server);
    await clock.advance(100_000);
    expect(observed).toHaveLength(3);
    expect(clock.timers).toBe(0);
  });

  it('loopback stays out where the settings say so', async () => {
    const settings = { ...caseSettings, reportLoopbackConnections: false };
    const { clock, observed, connect } = await start({ settings }, ['trace']);
    connect('a', 40000, at('127.0.0.9', 80));
    connect('b', 40001, server);
    await clock.advance(1000);
    expect(observed.map(({ payload }) => payload.RemoteAddress)).toEqual(['192.0.2.1']);
  });

  it('no transitions and calls make it throw or tell an invalid payload', async () => {
    const states = fc.constantFrom(1, 2, 3, 4, 7, 10, 12, 255);
    const endpoint = fc.record({
      address: fc.oneof(fc.ipV4(), fc.constant('0.0.0.0')),
      port: fc.nat(65535),
      family: fc.constant(4 as const),
    });
    const step = fc.record({
      socket: fc.constantFrom('a', 'b'),
      states: fc.tuple(states, states),
      local: endpoint,
      remote: endpoint,
      exit: fc.constantFrom(0, -115, 3),
      text: fc.string(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { go, call, clock, running } = await start({}, ['trace', 'audit']);
        for (const { socket, states: pair, local, remote, exit, text } of steps) {
          go(socket, pair, local, remote);
          call(`${connectCall(50, exit)} ${text}`, saddrOf(remote.port));
          await clock.advance(100);
        }
        await running.stop();
      }),
      { numRuns: 30 },
    );
  });
});

describe('ConnectionCreate without the best source', () => {
  it('names what is missing, and takes the better source when it is there again', async () => {
    const { states, kernel, clock } = await start({}, ['trace']);
    expect(states.at(-1)).toMatchObject({
      source: 'tracefs',
      limitation: expect.stringMatching(/UDP is not seen.* Not here\.$/u) as string,
    });
    kernel.has = ['trace', 'audit'];
    await clock.advance(5 * 60_000);
    expect(states.at(-1)).toEqual({ source: 'tracefs+audit-owner' });
  });

  it.each([
    ['tracefs', 'tracefs'],
    ['audit', 'audit-owner'],
    ['polling', 'polling'],
  ] as const)('the setting %s takes that and nothing else', async (connectionSource, source) => {
    const settings = { ...caseSettings, connectionSource };
    const { paths } = procOf([]);
    const { states, kernel } = await start({ settings, paths }, ['trace', 'audit']);
    expect(states.at(-1)?.source).toBe(source);
    expect(kernel.trace === undefined).toBe(source !== 'tracefs');
    expect(kernel.audit === undefined).toBe(source !== 'audit-owner');
  });

  it('a source that ends is replaced by the next', async () => {
    const { states, kernel, clock, fail } = await start({}, ['trace', 'audit']);
    kernel.has = ['audit'];
    kernel.trace?.onFailed(new Error('gone'));
    await clock.advance(0);
    expect(states.at(-1)?.source).toBe('audit-owner');
    expect(fail).not.toHaveBeenCalled();
  });

  it('from audit alone, the socket tables give the local end and what the caller did not ask for', async () => {
    const { paths } = procOf(
      [
        listening,
        socketLine('0100000A:9C40', '010200C0:01BB', '01', 901),
        socketLine('0100000A:1F90', '010200C0:C350', '01', 902),
        socketLine('0100000A:9C41', '010200C0:0050', '02', 903),
      ],
      { 50: { 3: 901, 7: 902 }, 51: { 3: 903 } },
    );
    const { clock, observed, call, lose } = await start({ paths }, ['audit']);
    call(connectCall(50), saddrOf(443));
    call(acceptCall(50));
    call(connectCall(51, -115), saddrOf(80));
    call(acceptCall(99));
    await clock.advance(200);
    expect(observed.map(({ payload }) => payload)).toMatchObject([
      { Direction: 'Out', LocalAddress: '10.0.0.1', LocalPort: '40000', RemotePort: '443' },
      { Direction: 'In', LocalPort: '8080', RemoteAddress: '192.0.2.1', RemotePort: '50000' },
      { Direction: 'Out', RemotePort: '80', ExtraDetails: { EstablishedKnown: 'false' } },
    ]);
    expect(lose.mock.calls).toEqual([['connectionGone', 1]]);
  });

  it('from audit alone, an accept that has blocked is told with the time of its end', async () => {
    const { clock, observed, call } = await start({}, ['audit']);
    const beganMs = clock.wallMs();
    call(connectCall(50), saddrOf(53), -5000);
    call(acceptCall(50), saddrOf(50_000), -60_000);
    await clock.advance(60_000);
    call(acceptCall(50), saddrOf(50_001));
    call(acceptCall(50), saddrOf(50_002), 59_990);
    await clock.advance(200);
    expect(observed.map(({ timeMs }) => timeMs - beganMs)).toEqual([
      ...[-5000, -5000, 60_000, 59_990],
    ]);
  });

  it('from audit alone, what is gone already is told with doubt', async () => {
    const { clock, observed, call } = await start({}, ['audit']);
    call(connectCall(50), saddrOf(53));
    await clock.advance(200);
    expect(observed[0]?.payload).toMatchObject({
      RemotePort: '53',
      ExtraDetails: { ProtocolKnown: 'false' },
    });
    expect(observed[0]?.payload.LocalPort).toBeUndefined();
  });

  it('from polling, tables that cannot be read for a while are a gap, and tell nothing twice', async () => {
    const { paths, tell } = procOf([listening], { 50: { 3: 902 } });
    const { clock, observed, lose } = await start({ paths }, []);
    const lines = [listening, socketLine('0100000A:1F90', '010200C0:C350', '01', 902)];
    const look = () => clock.advance(1000);
    tell(lines);
    await vi.waitFor(() => look().then(() => expect(observed).toHaveLength(1)));
    rmSync(`${paths.procRoot}/net/tcp`);
    await vi.waitFor(() => look().then(() => expect(lose).toHaveBeenCalledWith('pollingGap', 1)));
    tell(lines);
    for (let looks = 0; looks < 3; looks++) await look();
    expect(observed).toHaveLength(1);
  });

  it('from polling, nothing is available where there are no tables of sockets', async () => {
    const settings = { ...caseSettings, connectionSource: 'polling' as const };
    const host = fakeHost({ settings });
    const context = { host, clock: host.clock, emit: vi.fn(), lose: vi.fn() };
    const answer = await connectionCreate.start({ ...context, setSource: vi.fn(), fail: vi.fn() });
    expect(answer).toEqual({
      unavailable: expect.stringContaining(
        '/nonexistent/proc/net has no tables of TCP sockets',
      ) as string,
    });
  });

  it('from polling, what was there before is not told, and the rest once', async () => {
    const old = socketLine('0100000A:9C40', '010200C0:01BB', '01', 901);
    const { paths, tell } = procOf([listening, old], { 50: { 3: 902, 4: 903 } });
    const { clock, observed, states, processes, running } = await start({ paths }, []);
    processes.set(50, curl);
    expect(states.at(-1)?.source).toBe('polling');
    tell([
      listening,
      old,
      socketLine('0100000A:1F90', '010200C0:C350', '01', 902),
      socketLine('0100000A:9C41', '010200C0:0050', '01', 903),
      socketLine('0100000A:9C42', '010200C0:0050', '02', 904),
      socketLine('0100000A:9C43', '010200C0:0050', '06', 0),
    ]);
    await vi.waitFor(async () => {
      await clock.advance(1000);
      expect(observed.length).toBeGreaterThanOrEqual(3);
    });
    await clock.advance(5000);
    expect(
      observed.map(({ payload: { Direction, LocalPort, ProcessId } }) => [
        Direction,
        LocalPort,
        ProcessId,
      ]),
    ).toEqual([
      ['In', '8080', 50],
      ['Out', '40001', 50],
      ['Out', '40003', 0],
    ]);
    await running.stop();
    expect(clock.timers).toBe(0);
  });
});
