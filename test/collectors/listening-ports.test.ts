import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Host } from '../../collectors/interface/host.js';
import {
  readListeningTable,
  readListeningTableNow,
} from '../../collectors/kernel/sockets/listening-table.js';
import {
  findSocketOwners,
  type SearchBounds,
} from '../../collectors/kernel/sockets/socket-owners.js';
import type { SourceState } from '../../collectors/kernel/source-state.js';
import { listeningPorts, toPayloads } from '../../collectors/listening-ports.js';
import { checkPayload } from '../../contract/payload-check.js';
import { casePaths, fakeHost } from '../support/case-host.js';
import { procOf, socketLine } from '../support/socket-proc.js';
import { FakeClock } from '../support/fake-clock.js';
import { pathsUnder } from '../../collectors/kernel/paths.js';

const debian = casePaths('debian-12-kernel-6.1');
const buildroot = casePaths('buildroot-kernel-4.9-arm');
const yocto = casePaths('yocto-kernel-5.10-ppc');

async function collect(host: Partial<Host>) {
  const lose = vi.fn();
  const states: SourceState[] = [];
  const payloads = await listeningPorts.collect({
    host: fakeHost(host),
    signal: new AbortController().signal,
    lose,
    setSource: (state) => states.push(state),
  });
  if ('unavailable' in payloads) throw new Error(payloads.unavailable);
  for (const payload of payloads) {
    expect(checkPayload('ListeningPorts', payload)).toBeUndefined();
  }
  const lines = payloads.map(
    ({ Protocol, LocalAddress, LocalPort, RemoteAddress, RemotePort, ExtraDetails }) =>
      [
        `${Protocol} ${LocalAddress} ${LocalPort} ${RemoteAddress} ${RemotePort}`,
        ExtraDetails?.['Pid'] ?? '-',
        ExtraDetails?.['Executable'] ?? '-',
        ExtraDetails?.['UserId'],
      ].join(' '),
  );
  return { lines, lose, states };
}

describe('listening ports', () => {
  it('are those of Debian 12: waiting sockets alone, IPv6 whole, with their owners', async () => {
    const { lines, lose, states } = await collect({ paths: debian });
    expect(lines).toEqual([
      'tcp 0.0.0.0 22 0.0.0.0 * 612 /usr/sbin/sshd 0',
      'tcp 0.0.0.0 8080 0.0.0.0 * 702 /usr/sbin/nginx 33',
      'tcp 127.0.0.1 5432 0.0.0.0 * - - 113',
      'tcp6 :: 22 :: * 612 /usr/sbin/sshd 0',
      'tcp6 ::1 5432 :: * - - 113',
      'tcp6 ::ffff:127.0.0.1 9090 :: * - - 1000',
      'tcp6 fe80::5054:ff:fe28:bed6 547 :: * - - 0',
      'udp 0.0.0.0 68 0.0.0.0 * 1 /usr/lib/systemd/systemd 0',
      'udp 127.0.0.1 323 0.0.0.0 * - - 0',
      'udp6 ::1 323 :: * - - 0',
    ]);
    expect(lose).not.toHaveBeenCalled();
    expect(states).toEqual([{ source: 'proc-net' }]);
  });

  it('are found on a kernel without IPv6', async () => {
    const { lines, lose } = await collect({ paths: buildroot });
    expect(lines).toEqual([
      'tcp 0.0.0.0 22 0.0.0.0 * 119 /usr/sbin/dropbear 0',
      'tcp 127.0.0.1 1883 0.0.0.0 * 140 /usr/sbin/mosquitto 1883',
      'udp 0.0.0.0 67 0.0.0.0 * - - 0',
    ]);
    expect(lose).not.toHaveBeenCalled();
  });

  it('are right on a big-endian device', async () => {
    const { lines } = await collect({ paths: yocto, byteOrder: 'BE' });
    expect(lines).toEqual([
      'tcp 127.0.0.1 631 0.0.0.0 * - - 0',
      'tcp 192.168.1.7 80 0.0.0.0 * - - 0',
      'tcp6 ::1 631 :: * - - 0',
      'tcp6 2001:db8::1 443 :: * - - 0',
    ]);
  });

  it('are unavailable, and not none, without socket tables', async () => {
    const answer = await listeningPorts.collect({
      host: fakeHost(),
      signal: new AbortController().signal,
      lose: vi.fn(),
      setSource: vi.fn(),
    });
    expect(answer).toEqual({ unavailable: expect.stringContaining('socket tables') as string });
  });
});

describe('listening ports of other network namespaces', () => {
  const [own, container, service] = ['net:[4026531840]', 'net:[4026532201]', 'net:[4026532302]'];
  const limitationWith = async (namespaces: Readonly<Record<string, string>>, self = own) => {
    const proc = procOf([socketLine('0100007F:1F90', '00000000:0000', '0A', 7)], { 70: { 3: 7 } });
    proc.setNamespace('self', self);
    for (const [pid, name] of Object.entries(namespaces)) proc.setNamespace(pid, name);
    // A process that has ended meanwhile has no links any more.
    mkdirSync(join(proc.paths.procRoot, '4711'));
    const { lines, states } = await collect({ paths: proc.paths });
    expect(lines).toEqual(['tcp 127.0.0.1 8080 0.0.0.0 * 70 - 1000']);
    return states[0]?.limitation;
  };

  it('are not missed where all processes share one', async () => {
    expect(await limitationWith({ 70: own, 71: own })).toBeUndefined();
  });

  it.each([
    [{ 70: own, 71: container, 72: container }, 'Sockets of 1 other network namespace, '],
    [{ 70: own, 71: container, 72: service }, 'Sockets of 2 other network namespaces, '],
  ])('are said to be left out, and of how many: %o', async (namespaces, sentence) => {
    const limitation = await limitationWith(namespaces);
    expect(limitation).toBe(`${sentence}such as those of containers, are not listed.`);
  });

  it('are those of the host where the agent is in a container', async () => {
    expect(await limitationWith({ 70: own, 71: container }, container)).toMatch(/^Sockets of 1 /);
  });
});

describe('listening ports of a hostile table', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'ports-'));
    mkdirSync(join(root, 'net'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('count the lines that make no sense and keep the others', async () => {
    const good = (index: number) =>
      `${index}: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 ${index} 0 ${index} 1`;
    writeFileSync(join(root, 'net/tcp'), [good(1), 'x'.repeat(200_000), good(2)].join('\n'));
    const { lines, lose } = await collect({
      paths: { ...pathsUnder(root), procRoot: root },
    });
    expect(lines).toEqual([
      'tcp 127.0.0.1 8080 0.0.0.0 * - - 1',
      'tcp 127.0.0.1 8080 0.0.0.0 * - - 2',
    ]);
    expect(lose.mock.calls).toEqual([['unparsed', 1]]);
  });

  it('are valid whatever the tables hold', async () => {
    const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9A-F]{${digits}}$`, 'u'));
    const row = fc
      .tuple(
        fc.constantFrom(8, 32, 7).chain(hex),
        hex(4),
        fc.constantFrom('0A', '07', '01'),
        fc.nat(),
      )
      .map(
        ([address, port, state, id]) => `0: ${address}:${port} 0:0 ${state} 0 0 0 ${id} 0 ${id}`,
      );
    const table = fc.array(fc.oneof(row, fc.string())).map((lines) => lines.join('\n'));
    await fc.assert(
      fc.asyncProperty(table, table, async (tcp, udp6) => {
        writeFileSync(join(root, 'net/tcp'), tcp);
        writeFileSync(join(root, 'net/udp6'), udp6);
        await collect({ paths: { ...pathsUnder(root), procRoot: root } });
      }),
      { numRuns: 50 },
    );
  });
});

describe('a table of UDP that is read at once', () => {
  it('says the same, unless it is too long to wait for or not there', async () => {
    const root = mkdtempSync(join(tmpdir(), 'ports-'));
    mkdirSync(join(root, 'net'));
    const paths = { ...pathsUnder(root), procRoot: root };
    const row = (id: number) => `${id}: 0100007F:1F90 00000000:0000 07 0:0 00:0 0 ${id} 0 ${id} 1`;
    const put = (count: number): void => {
      const rows = Array.from({ length: count }, (_, id) => row(id));
      writeFileSync(join(root, 'net/udp'), ['sl', 'x'.repeat(9_000), ...rows].join('\n'));
    };
    put(500);
    const { signal } = new AbortController();
    const atOnce = readListeningTableNow(paths, 'udp', 'LE');
    expect(atOnce).toMatchObject({ malformed: 1, sockets: { length: 500 } });
    expect(atOnce).toEqual(await readListeningTable(paths, 'udp', 'LE', signal));
    expect(readListeningTableNow(paths, 'udp6', 'LE')).toBeUndefined();
    put(20_000);
    expect(readListeningTableNow(paths, 'udp', 'LE')).toBe('longer');
    rmSync(root, { recursive: true });
  });
});

describe('one port with several sockets', () => {
  const socket = (inode: number, uid = 33) => ({
    protocol: 'tcp' as const,
    addressHex: '00000000',
    port: 80,
    uid,
    inode,
  });
  const owners = new Map([
    [1, 30],
    [2, 20],
    [3, 40],
  ]);
  const programs = (pid: number) => (pid === 40 ? '/tmp/thief' : '/usr/sbin/nginx');

  it('is one of the lowest pid, in any order of the table', () => {
    const sockets = [socket(1), socket(2)];
    const [only, ...others] = toPayloads(sockets, owners, programs);
    expect(others).toEqual([]);
    expect(only?.ExtraDetails?.['Pid']).toBe('20');
    expect(toPayloads(sockets.toReversed(), owners, programs)).toEqual([only]);
  });

  it('shows the second program on it', () => {
    const payloads = toPayloads([socket(1), socket(2), socket(3)], owners, programs);
    expect(payloads.map(({ ExtraDetails }) => ExtraDetails?.['Executable'])).toEqual([
      '/tmp/thief',
      '/usr/sbin/nginx',
    ]);
  });
});

describe('the owners of sockets', () => {
  const signal = new AbortController().signal;
  const find = (inodes: number[], bounds?: SearchBounds) =>
    findSocketOwners(debian, new FakeClock(), new Set(inodes), signal, bounds);

  it('are the lowest pids, and process 1 only when nobody else has the socket', async () => {
    const { pidByInode } = await find([18021, 15711, 30101, 4711]);
    expect([...pidByInode].sort()).toEqual([
      [15711, 1],
      [18021, 612],
      [30101, 702],
    ]);
  });

  it('are looked for within a bound', async () => {
    const { pidByInode, cut } = await find([15711], { descriptors: 1 });
    expect(cut).toBe(true);
    expect(pidByInode.size).toBe(0);
  });
});
