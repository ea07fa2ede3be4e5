import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { connectionCreate } from '../../collectors/connection-create/index.js';
import { kernelState, until } from '../support/device/audit-support.js';
import { nodeAcceptor, pythonAcceptor, shortClient } from '../support/device/inbound-servers.js';
import { WatchedHost } from '../support/device/watched-host.js';

const undo: (() => Promise<void> | void)[] = [];
afterEach(undoAll);

async function undoAll(): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

async function watch(without: readonly ('socketStates' | 'audit')[] = []) {
  const host = await WatchedHost.start({ executableHashBytesPerSecond: 0 });
  undo.push(() => host.stop());
  const refuse = { subscribe: () => Promise.resolve({ unavailable: 'Not in this test.' }) };
  const parts = Object.fromEntries(without.map((source) => [source, refuse]));
  return host.watch(connectionCreate, parts);
}

/** A program that answers each line on its input with one on its output; its first line says that it is there. */
async function startProgram(command: string, args: readonly string[]) {
  const child = spawn(command, args, { stdio: 'pipe' });
  undo.push(() => void child.kill());
  child.stderr.on('data', (data: Buffer) => process.stderr.write(data));
  const lines = linesOf(child);
  const first = await lines();
  return {
    pid: child.pid ?? 0,
    executable: readlinkSync(`/proc/${child.pid ?? 0}/exe`),
    first,
    ask: async (line: string) => {
      child.stdin.write(`${line}\n`);
      return lines();
    },
  };
}

function linesOf(child: ChildProcessWithoutNullStreams): () => Promise<string> {
  let rest = '';
  const ready: string[] = [];
  const waiting: ((line: string) => void)[] = [];
  child.stdout.on('data', (data: Buffer) => {
    const parts = (rest + data.toString('utf8')).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const next = waiting.shift();
      if (next === undefined) ready.push(part);
      else next(part);
    }
  });
  return () =>
    new Promise((resolve) => {
      const line = ready.shift();
      if (line === undefined) waiting.push(resolve);
      else resolve(line);
    });
}

/** Accepts and closes; Python passes an address to accept, Node does not. */
const pythonServer = `
import socket, sys
family = socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET
server = socket.socket(family)
server.bind((sys.argv[1], 0))
server.listen(1024)
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    connection.close()
`;
const nodeServer = `
const server = require('net').createServer((connection) => connection.end());
server.listen({ port: 0, host: process.argv[1], backlog: 1024 }, () => console.log(server.address().port));
`;
/** "MODE ADDRESS PORT COUNT" on its input; answers with the local ports it connected from. */
const pythonClient = `
import errno, select, socket, sys, threading
def connect(mode, address, port):
    client = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)
    if mode == 'nonblocking':
        client.setblocking(False)
        client.connect_ex((address, port))
        select.select([], [client], [], 5)
        assert client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
    else:
        client.connect((address, port))
    local = client.getsockname()[1]
    client.close()
    return local
print('ready', flush=True)
for line in sys.stdin:
    mode, address, port, count = line.split()
    ports = []
    def run():
        for _ in range(int(count)):
            ports.append(connect(mode, address, int(port)))
    if mode == 'thread':
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    else:
        run()
    print(*ports, flush=True)
`;
const python = (program: string, ...args: string[]) =>
  startProgram('/usr/bin/python3', ['-c', program, ...args]);
const node = (program: string, ...args: string[]) =>
  startProgram(process.execPath, ['-e', program, ...args]);

/** An i386 program (ELF-32) that makes a socket, connects it to a port of this host with socketcall(2), and ends. */
function connecting32(port: number): Buffer {
  const base = 0x0804_8000;
  const [codeAt, dataAt] = [84, 84 + 96];
  const word = (value: number): number[] => [0, 8, 16, 24].map((shift) => (value >>> shift) & 255);
  const data = (offset: number): number[] => word(base + dataAt + offset);
  const code = [
    ...[0xb8, ...word(102), 0xbb, ...word(1), 0xb9, ...data(0), 0xcd, 0x80],
    ...[0xa3, ...data(12)],
    ...[0xb8, ...word(102), 0xbb, ...word(3), 0xb9, ...data(12), 0xcd, 0x80],
    ...[0xb8, ...word(1), 0x31, 0xdb, 0xcd, 0x80],
  ];
  const socketArguments = [...word(2), ...word(1), ...word(0)];
  const connectArguments = [...word(0), ...data(24), ...word(16)];
  const address = [2, 0, port >> 8, port & 255, 127, 0, 0, 1, ...Array<number>(8).fill(0)];
  const program = Buffer.alloc(dataAt + 40);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]).copy(program);
  Buffer.from([2, 0, 3, 0, ...word(1), ...word(base + codeAt), ...word(52)]).copy(program, 16);
  Buffer.from([52, 0, 32, 0, 1, 0]).copy(program, 40);
  const segment = [1, 0, base, base, program.length, program.length, 7, 0x1000].flatMap(word);
  Buffer.from(segment).copy(program, 52);
  Buffer.from(code).copy(program, codeAt);
  Buffer.from([...socketArguments, ...connectArguments, ...address]).copy(program, dataAt);
  return program;
}

const loopbackCases = [
  ['a blocking client', 'blocking', python, pythonServer, '127.0.0.1', '127.0.0.1'],
  ['a client that does not block', 'nonblocking', python, pythonServer, '127.0.0.1', '127.0.0.1'],
  ['IPv6', 'blocking', python, pythonServer, '::1', '::1'],
  ['a server that passes no address', 'blocking', node, nodeServer, '127.0.0.1', '127.0.0.1'],
  ['IPv4 on a server of IPv6', 'nonblocking', node, nodeServer, '::', '127.0.0.1'],
  ['a thread', 'thread', python, pythonServer, '127.0.0.1', '127.0.0.1'],
] as const;

const acceptor = (...args: string[]) => python(pythonAcceptor, ...args);
const inboundCases = [
  ['a server that blocks', 'close', '127.0.0.1', acceptor, ['blocking', '127.0.0.1', '0', 'one']],
  ['a server that polls', 'answered', '127.0.0.1', acceptor, ['polled', '127.0.0.1', '0', 'one']],
  ['a server of IPv6', 'close', '::1', acceptor, ['polled', '::1', '0', 'one']],
  ['a Node server', 'close', '127.0.0.1', node, [nodeAcceptor, '127.0.0.1']],
  ['a Node server, reset', 'reset', '127.0.0.1', node, [nodeAcceptor, '127.0.0.1']],
  ['four workers', 'answered', '127.0.0.1', acceptor, ['polled', '127.0.0.1', '4', 'one']],
  ['four that block', 'answered', '127.0.0.1', acceptor, ['blocking', '127.0.0.1', '4', 'one']],
  ['four sockets', 'answered', '127.0.0.1', acceptor, ['polled', '127.0.0.1', '4', 'each']],
] as const;

/** How many of so many inbound connections were told with the process that took them, with none, and with another. */
async function takersOf(
  count: number,
  { name, how, address }: { readonly name: string; readonly how: string; readonly address: string },
  startServer: (program: string, ...args: string[]) => ReturnType<typeof startProgram>,
  args: readonly string[],
) {
  const { observed, losses } = await watch();
  const directory = mkdtempSync(join(tmpdir(), 'taken-'));
  undo.push(() => rmSync(directory, { recursive: true }));
  const log = join(directory, 'log');
  const [first, ...rest] = [...args, log] as const;
  const server = await startServer(first, ...rest);
  const client = await python(shortClient);
  const ports = (await client.ask(`${how} ${address} ${server.first} ${count}`)).split(' ');
  const taken = () =>
    observed
      .map(({ payload }) => payload)
      .filter(({ Direction, LocalPort }) => Direction === 'In' && LocalPort === server.first);
  await until('all connections', 10_000, () => taken().length >= count);
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  const truth = new Map(lines.map((line) => line.split(' ').reverse() as [string, string]));
  const payloads = taken();
  expect(payloads.map(({ RemotePort }) => RemotePort).sort()).toEqual([...ports].sort());
  expect(Object.fromEntries(losses)).toEqual({});
  const right = payloads.filter(
    ({ ProcessId, RemotePort }) => String(ProcessId) === truth.get(RemotePort),
  ).length;
  const unknown = payloads.filter(({ ProcessId }) => ProcessId === 0).length;
  const wrong = count - right - unknown;
  process.stdout.write(`${name}: of ${count} right ${right}, unknown ${unknown}, wrong ${wrong}\n`);
  return { right, unknown, wrong };
}

describe('ConnectionCreate from a trace and audit on the real kernel', () => {
  it.each(inboundCases)(
    'knows who took each of 250 short connections to %s',
    async (name, how, address, startServer, args) => {
      const { right, unknown, wrong } = await takersOf(
        250,
        { name, how, address },
        startServer,
        args,
      );
      expect({ right, unknown, wrong }).toEqual({ right: 250, unknown: 0, wrong: 0 });
    },
  );

  const fourWorkers = ['polled', '127.0.0.1', '4', 'one'] as const;
  it('knows which of four workers took connections that are reset, one after the other', async () => {
    const client = { name: 'four workers, reset', how: 'reset-slowly', address: '127.0.0.1' };
    const { right, unknown, wrong } = await takersOf(20, client, acceptor, fourWorkers);
    expect({ right, unknown, wrong }).toEqual({ right: 20, unknown: 0, wrong: 0 });
  });

  it('names none of four workers for connections that are reset at once where each may have taken them', async () => {
    const client = { name: 'four workers, reset at once', how: 'reset', address: '127.0.0.1' };
    const { right, unknown, wrong } = await takersOf(250, client, acceptor, fourWorkers);
    expect({ told: right + unknown, wrong }).toEqual({ told: 250, wrong: 0 });
  });

  it.each(loopbackCases)(
    'tells 1,000 TCP connections of %s once in each direction, with ports and processes',
    async (name, mode, startServer, program, listenOn, address) => {
      const { observed, states, losses } = await watch();
      expect(states.at(-1)?.source).toBe('tracefs+audit-owner');
      const server = await startServer(program, listenOn);
      const client = await python(pythonClient);
      const startedMs = performance.now();
      const answer = await client.ask(`${mode} ${address} ${server.first} 1000`);
      const durationMs = Math.round(performance.now() - startedMs);
      process.stdout.write(`1,000 connections of ${name} were made in ${durationMs} ms\n`);
      const ports = answer.split(' ');
      const ofServer = () =>
        observed.filter(({ payload: { LocalPort, RemotePort, Protocol } }) =>
          Protocol.startsWith('tcp') ? [LocalPort, RemotePort].includes(server.first) : false,
        );
      await until('all connections', 10_000, () => ofServer().length >= 2000);
      const made = ofServer().filter(({ payload }) => payload.Direction === 'Out');
      const taken = ofServer().filter(({ payload }) => payload.Direction === 'In');
      expect(made.map(({ payload }) => payload.LocalPort).sort()).toEqual([...ports].sort());
      expect(taken.map(({ payload }) => payload.RemotePort).sort()).toEqual([...ports].sort());
      const common = {
        Protocol: address.includes(':') ? 'tcp6' : 'tcp',
        LocalAddress: address,
        RemoteAddress: address,
        UserId: '0',
      };
      for (const { payload } of made) {
        expect(payload).toMatchObject({
          ...common,
          RemotePort: server.first,
          ProcessId: client.pid,
          Executable: client.executable,
        });
        expect(payload.CommandLine).toMatch(/^\/usr\/bin\/python3 -c /u);
        expect(payload.ExtraDetails).toBeUndefined();
      }
      for (const { payload } of taken) {
        expect(payload).toMatchObject({
          ...common,
          LocalPort: server.first,
          ProcessId: server.pid,
          Executable: server.executable,
        });
      }
      expect(Object.fromEntries(losses)).toEqual({});
    },
  );

  it('knows processes that are older than audit', async () => {
    const server = await python(pythonServer, '127.0.0.1');
    const client = await python(pythonClient);
    const { observed } = await watch();
    const port = await client.ask(`blocking 127.0.0.1 ${server.first} 1`);
    const both = () =>
      observed.filter(({ payload }) => [payload.LocalPort, payload.RemotePort].includes(port));
    await until('both directions', 5000, () => both().length >= 2);
    expect(both().map(({ payload }) => [payload.Direction, payload.ProcessId])).toEqual(
      expect.arrayContaining([
        ['Out', client.pid],
        ['In', server.pid],
      ]),
    );
  });

  it('knows a program that did nothing but connect and end', async () => {
    const server = await python(pythonServer, '127.0.0.1');
    const { observed } = await watch();
    const pids: number[] = [];
    for (let index = 0; index < 20; index++) {
      const child = spawn('/bin/bash', ['-c', `exec 3<>/dev/tcp/127.0.0.1/${server.first}`]);
      pids.push(child.pid ?? 0);
      await new Promise((resolve) => child.once('exit', resolve));
    }
    const made = () =>
      observed.filter(
        ({ payload }) => payload.Direction === 'Out' && payload.RemotePort === server.first,
      );
    await until('all programs', 5000, () => made().length >= 20);
    expect(made().map(({ payload }) => payload.ProcessId)).toEqual(pids);
    for (const { payload, argv } of made()) {
      expect(payload.Executable).toBe(realpathSync('/bin/bash'));
      expect(argv?.slice(1)).toEqual(['-c', `exec 3<>/dev/tcp/127.0.0.1/${server.first}`]);
    }
  });

  it('counts a refused connect instead of telling it, and tells a UDP connect as UDP', async () => {
    const { observed, states } = await watch();
    const program = `
import socket
def attempt(kind, port):
    try: socket.socket(socket.AF_INET, kind).connect(('127.0.0.1', port))
    except OSError: pass
attempt(socket.SOCK_STREAM, 1)
attempt(socket.SOCK_DGRAM, 7)
print('done')
`;
    const child = spawn('/usr/bin/python3', ['-c', program]);
    await new Promise((resolve) => child.once('exit', resolve));
    const ofChild = () => observed.filter(({ payload }) => payload.ProcessId === child.pid);
    await until('the UDP connect', 5000, () => ofChild().length >= 1);
    expect(ofChild().map(({ payload }) => [payload.Protocol, payload.RemotePort])).toEqual([
      ['udp', '7'],
    ]);
    expect(states.at(-1)?.counters?.['failedConnects']).toBeGreaterThanOrEqual(1);
  });

  it.runIf(process.arch === 'x64')('sees what a 32-bit program connects to', async ({ skip }) => {
    const server = await python(pythonServer, '127.0.0.1');
    const directory = mkdtempSync(join(tmpdir(), 'program-'));
    undo.push(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'connect32');
    writeFileSync(path, connecting32(Number(server.first)), { mode: 0o755 });
    const { observed } = await watch();
    const child = spawn(path);
    const failed = await new Promise<boolean>((resolve) => {
      child.once('error', () => resolve(true));
      child.once('exit', (code) => resolve(code !== 0));
    });
    skip(failed, 'This kernel runs no 32-bit programs.');
    const made = () => observed.filter(({ payload }) => payload.ProcessId === child.pid);
    await until('the connection', 5000, () => made().length > 0);
    expect(made().map(({ payload }) => payload)).toMatchObject([
      { Direction: 'Out', Protocol: 'tcp', RemotePort: server.first, Executable: path },
    ]);
  });

  it('does not tell a connection inside another network namespace as one of a server of the host', async () => {
    const { observed } = await watch();
    const server = await node(nodeServer, '0.0.0.0');
    // The kernel finishes the handshake, whether anybody accepts or not.
    const program = `
import socket, subprocess, sys
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
subprocess.run(['ip', 'address', 'add', '198.51.100.7/32', 'dev', 'lo'], check=True)
server = socket.socket()
server.bind(('0.0.0.0', int(sys.argv[1])))
server.listen(8)
clients = [socket.create_connection((address, int(sys.argv[1]))) for address in ('127.0.0.1', '198.51.100.7')]
print(*(client.getsockname()[1] for client in clients), flush=True)
sys.stdin.readline()
`;
    const inside = ['--net', '/usr/bin/python3', '-c', program, server.first];
    const ports = (await startProgram('unshare', inside)).first.split(' ');
    const taken = () =>
      observed.filter(
        ({ payload }) => payload.Direction === 'In' && ports.includes(payload.RemotePort),
      );
    await until('both connections', 5000, () => taken().length >= 2);
    for (const { payload } of taken())
      expect(payload).toMatchObject({ ProcessId: 0, ExtraDetails: { ProcessKnown: 'false' } });
  });

  it("leaves out the agent's own connections, and tells the other side of them", async () => {
    const server = await python(pythonServer, '127.0.0.1');
    const { observed } = await watch();
    const socket = connect(Number(server.first), '127.0.0.1').resume();
    await new Promise((resolve) => socket.once('connect', resolve));
    const port = String(socket.localPort);
    const seen = () => observed.filter(({ payload }) => payload.RemotePort === port);
    await until('the other side', 5000, () => seen().length > 0);
    expect(seen().map(({ payload }) => payload.ProcessId)).toEqual([server.pid]);
    expect(observed.filter(({ payload }) => payload.ProcessId === process.pid)).toEqual([]);
    socket.destroy();
  });

  it('leaves nothing on the host', async () => {
    const before = kernelState();
    const mounts = existsSync('/sys/kernel/tracing/instances')
      ? readdirSync('/sys/kernel/tracing/instances')
      : undefined;
    await watch();
    await undoAll();
    expect(kernelState()).toEqual(before);
    if (mounts !== undefined) expect(readdirSync('/sys/kernel/tracing/instances')).toEqual(mounts);
  });
});

describe.each([
  ['a trace alone', ['audit'], 'tracefs'],
  ['audit alone', ['socketStates'], 'audit-owner'],
  ['polling', ['audit', 'socketStates'], 'polling'],
] as const)('ConnectionCreate from %s on the real kernel', (_name, without, source) => {
  it('tells a connection that lasts, in both directions, with its processes', async () => {
    const { observed, states } = await watch(without);
    expect(states.at(-1)?.source).toBe(source);
    const server = await node(
      `const server = require('net').createServer(() => undefined);
       server.listen(0, '127.0.0.1', () => console.log(server.address().port));`,
    );
    const client = await python(`
import socket, sys
client = socket.create_connection(('127.0.0.1', ${server.first}))
print(client.getsockname()[1], flush=True)
sys.stdin.readline()
`);
    const both = () =>
      observed.filter(({ payload }) =>
        [payload.LocalPort, payload.RemotePort].includes(client.first),
      );
    await until('both directions', 5000, () => both().length >= 2);
    const ends = { LocalAddress: '127.0.0.1', RemoteAddress: '127.0.0.1', Protocol: 'tcp' };
    expect(both().map(({ payload }) => payload)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          ...ends,
          Direction: 'Out',
          LocalPort: client.first,
          RemotePort: server.first,
          ProcessId: client.pid,
          Executable: client.executable,
        }),
        expect.objectContaining({
          ...ends,
          Direction: 'In',
          LocalPort: server.first,
          RemotePort: client.first,
          ProcessId: server.pid,
          Executable: server.executable,
        }),
      ]),
    );
    expect(both()).toHaveLength(2);
  });
});
