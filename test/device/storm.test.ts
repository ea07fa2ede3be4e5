import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { auditctl, kernelState, startPrograms, until } from '../support/device/audit-support.js';
import { AuditedAgent } from '../support/device/audited-agent.js';
import { payloadsOf, startsOf } from '../support/running-agent.js';

const run = promisify(execFile);
const programs = 12_000;
const connections = 4_000;
const unit = join(import.meta.dirname, '..', '..', 'systemd', 'iot-security-agent.service');
const memoryCapBytes = Number(/^MemoryMax=(\d+)M$/m.exec(readFileSync(unit, 'utf8'))?.[1]) << 20;

/** Connects to itself, over and over; both ends are events. */
const connectionStorm = `
import socket
server = socket.create_server(("127.0.0.1", 0), backlog=128)
for _ in range(${connections}):
    with socket.create_connection(server.getsockname()), server.accept()[0]:
        pass
`;

let audited: AuditedAgent;

beforeEach(async () => {
  audited = new AuditedAgent();
  await audited.prepare();
});

afterEach(() => audited.close());

describe('a storm of programs and connections on a real kernel, more than the cache holds', () => {
  it('stays within the memory of the unit, accounts for every program, and serves High meanwhile', async () => {
    audited.set({
      lowPriorityMessageFrequency: 'PT1H',
      highPriorityMessageFrequency: 'PT1S',
      snapshotFrequency: 'PT2S',
      eventPriorityListeningPorts: 'High',
      eventPriorityProcessCreate: 'Low',
      eventPriorityProcessTerminate: 'Low',
      eventPriorityConnectionCreate: 'Low',
      aggregationEnabledProcessCreate: false,
      aggregationEnabledProcessTerminate: false,
      aggregationEnabledConnectionCreate: false,
      maxLocalCacheSizeInBytes: 1_000_000,
    });
    audited.fixture.configure({
      processSource: 'auto',
      connectionSource: 'auto',
      audit: { own: 'auto' },
    });
    await audited.start();
    const snapshots = (): number =>
      audited.fixture.hub.messages.filter(
        (message) => payloadsOf([message], 'ListeningPorts').length > 0,
      ).length;
    const before = snapshots();
    await Promise.all([
      startPrograms('storm-a', programs / 2),
      startPrograms('storm-b', programs / 2),
      run('python3', ['-c', connectionStorm]),
    ]);
    const during = snapshots() - before;
    await until('the agent to have read what the kernel held for it', 120_000, isAllRead);
    process.stdout.write(`before the stop: ${startsOf(audited.fixture.hub.messages).size} told\n`);
    const peakBytes = peakResidentBytes(audited.fixture.agent?.pid ?? 0);
    expect(await audited.fixture.stopAgent()).toEqual({ code: 0, signal: null });

    const told = [...startsOf(audited.fixture.hub.messages)].filter(([line]) =>
      line.startsWith('/bin/true storm-'),
    ).length;
    const lost = audited.losses.map((line) => Number(line.split(' ').at(-1)));
    const lostInAll = lost.reduce((sum, count) => sum + count, 0);
    process.stdout.write(
      `${programs} programs: ${told} told; ${during} High snapshots meanwhile; peak ${peakBytes >> 20} MiB; ` +
        `counted for all kinds of events: ${audited.losses.join(', ')}\n`,
    );
    expect(peakBytes).toBeLessThan(memoryCapBytes);
    expect(told).toBeLessThan(programs);
    // Ends and connections are lost with the same causes, so that there may be more, but never fewer.
    expect(told + lostInAll).toBeGreaterThanOrEqual(programs);
    expect(during).toBeGreaterThan(0);
    expect(audited.losses.filter((line) => line.startsWith('high '))).toEqual([]);
    expect(audited.problems).toEqual([]);
    expect(kernelState()).toEqual(audited.kernelBefore);
  }, 240_000);
});

/** Whether nothing waits in the kernel's queue for audit, nor in any netlink socket (`Rmem` of /proc/net/netlink). */
function isAllRead(): boolean {
  if (!/^backlog 0$/m.test(auditctl('-s'))) return false;
  const [, ...sockets] = readFileSync('/proc/net/netlink', 'utf8').trim().split('\n');
  return sockets.every((socket) => socket.trim().split(/\s+/)[4] === '0');
}

/** The most memory a process ever had resident (`VmHWM`, proc_pid_status(5)). */
function peakResidentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
