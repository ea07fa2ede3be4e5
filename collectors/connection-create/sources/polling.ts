import type { Clock, Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Unavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { connectionKey, isAnyAddress } from '../../kernel/sockets/endpoint.js';
import { tcpStates } from '../../kernel/sockets/sock-state.js';
import { findSocketOwners } from '../../kernel/sockets/socket-owners.js';
import { readSocketTable, type TableSocket } from '../../kernel/sockets/socket-table.js';
import type { ConnectionFacts } from './facts.js';
import { ConnectionProcesses } from './processes.js';

interface ConnectionPollingOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly lose: ReportLoss;
  readonly onFacts: (facts: ConnectionFacts) => void;
}

const mostKnown = 65_536;

/**
 * Looks at the TCP sockets at an interval.
 *
 * 1. What is there at the start is the baseline and never told.
 * 2. A connection is told once, also when it is only seen while it is being closed; then its process may be unknown.
 * 3. It was accepted if somebody listens on its local end, and made from here otherwise.
 * 4. A look that comes later than two intervals after the one before is counted as `pollingGap`.
 */
export class ConnectionPolling {
  private known = new Set<string>();
  private timer: Timer | undefined;
  private lastMs = 0;
  private looking: Promise<void> = Promise.resolve();
  private readonly ending = new AbortController();
  private readonly processes: ConnectionProcesses;

  constructor(private readonly options: ConnectionPollingOptions) {
    this.processes = new ConnectionProcesses(options.host);
  }

  /** Takes the baseline. @throws where there are no tables of sockets at all: without IPv6 there is one. */
  start(): void {
    const sockets = this.sockets();
    if (sockets === undefined)
      throw new Error(`${this.options.host.paths.procRoot}/net has no tables of TCP sockets`);
    this.known = new Set(sockets.filter(isConnection).map(connectionKey));
    this.lastMs = this.options.clock.monotonicMs();
    this.schedule();
  }

  async stop(): Promise<void> {
    this.ending.abort();
    this.timer?.cancel();
    await this.looking;
  }

  private schedule(): void {
    const { clock, intervalMs } = this.options;
    this.timer = clock.after(intervalMs, () => {
      this.looking = this.look().finally(() => {
        if (!this.ending.signal.aborted) this.schedule();
      });
    });
  }

  private async look(): Promise<void> {
    const { host, clock, intervalMs, lose } = this.options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.lastMs > 2 * intervalMs) lose('pollingGap', 1);
    this.lastMs = nowMs;
    const timeMs = clock.wallMs();
    const sockets = this.sockets();
    if (sockets === undefined) {
      // What is known stays so: the tables that come back must not be told as new connections.
      lose('pollingGap', 1);
      return;
    }
    const connections = sockets.filter(isConnection);
    const fresh = connections.filter((socket) => !this.known.has(connectionKey(socket)));
    this.known = new Set(connections.slice(0, mostKnown).map(connectionKey));
    if (connections.length > mostKnown) lose('connectionsPending', connections.length - mostKnown);
    if (fresh.length === 0) return;
    const listening = sockets.filter(({ state }) => state === tcpStates.listen);
    const inodes = new Set(fresh.map(({ inode }) => inode).filter((inode) => inode !== 0));
    const owners = await this.ownersOf(inodes);
    for (const socket of fresh) {
      const pid = owners.get(socket.inode);
      if (pid === host.ownPid) continue;
      this.options.onFacts({
        timeMs,
        direction: isAccepted(socket, listening) ? 'In' : 'Out',
        transport: 'tcp',
        remote: socket.remote,
        local: socket.local,
        process: pid === undefined ? undefined : this.processes.ofProcess(pid, timeMs),
      });
    }
    this.processes.forget();
  }

  private async ownersOf(inodes: ReadonlySet<number>): Promise<ReadonlyMap<number, number>> {
    const { host, clock } = this.options;
    try {
      const { signal } = this.ending;
      return (await findSocketOwners(host.paths, clock, inodes, signal)).pidByInode;
    } catch {
      // /proc cannot be listed: the payloads say that the processes are unknown.
      return new Map();
    }
  }

  /** Undefined where none of the tables can be read. */
  private sockets(): readonly TableSocket[] | undefined {
    const { host, lose } = this.options;
    const { tables, sockets, malformed } = readSocketTable(host.paths, host.byteOrder, [
      'tcp',
      'tcp6',
    ]);
    if (malformed > 0) lose('unparsed', malformed);
    return tables === 0 ? undefined : sockets;
  }
}

/** Not one that waits, nor one whose handshake is not finished. */
function isConnection({ state, remote }: TableSocket): boolean {
  const unfinished: readonly number[] = [
    tcpStates.synSent,
    tcpStates.synReceived,
    tcpStates.close,
    tcpStates.listen,
    tcpStates.newSynReceived,
  ];
  return remote.port !== 0 && !unfinished.includes(state);
}

function isAccepted({ local }: TableSocket, listening: readonly TableSocket[]): boolean {
  return listening.some(
    (socket) =>
      socket.local.port === local.port &&
      (socket.local.address === local.address || isAnyAddress(socket.local)),
  );
}

/** Connections from the lists of sockets in /proc/net, looked at in intervals. */
export const polling: Source<ConnectionFacts> = { name: 'polling', open };

function open(host: Host, told: Told<ConnectionFacts>): Promise<OpenSource | Unavailable> {
  const { clock, settings } = host;
  const { ms: intervalMs, text } = settings.processPollingInterval;
  const polling = new ConnectionPolling({ ...told, host, clock, intervalMs });
  try {
    polling.start();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return Promise.resolve({ unavailable: `The sockets cannot be listed: ${reason}.` });
  }
  told.onState({
    source: 'polling',
    limitation: `TCP connections that live shorter than ${text} may not be seen, or without their process.`,
  });
  return Promise.resolve({ end: () => polling.stop() });
}
