import type { Clock, Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import { readSocketInode } from '../../kernel/processes/proc.js';
import { tcpStates } from '../../kernel/sockets/sock-state.js';
import { readSocketTable, type TableSocket } from '../../kernel/sockets/socket-table.js';
import { subscribeCalls } from './call-subscription.js';
import { type ConnectionFacts, failedConnect } from './facts.js';
import { ConnectionProcesses, type ObservedCall, processOfCall } from './processes.js';

interface AuditedConnectionsOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly lose: ReportLoss;
  readonly onFacts: (facts: ConnectionFacts) => void;
}

interface Pending {
  readonly call: ObservedCall;
  /** When it happened; wall clock. */
  readonly timeMs: number;
  /** Of the socket, read when the record came; undefined when it was closed already. */
  readonly inode: number | undefined;
}

/** One look at the socket tables serves all calls of this time; a handshake in the background gets it to finish. */
const gatherMs = 100;
const mostPending = 4096;
/** A record is read within this time, when nothing has waited since before the start. */
const promptMs = 1000;

/**
 * Connections as audit alone can tell them; what it does not say is looked up in the socket tables while the
 * connection is there: the local end, the remote end of an accept whose caller did not ask for it, whether it is TCP,
 * and whether a connect in the background succeeded.
 *
 * 1. Each call is told once, or counted: `connectionGone` when the remote end was not found.
 * 2. What was not found is marked in the payload.
 * 3. After `end` nothing is told, and what came before was told.
 */
export class AuditedConnections {
  private pending: Pending[] = [];
  private timer: Timer | undefined;
  private readonly processes: ConnectionProcesses;
  /** Of the records that were read, the latest time. */
  private latestMs = -Infinity;
  private readonly beganMs: number;

  constructor(private readonly options: AuditedConnectionsOptions) {
    this.beganMs = options.clock.monotonicMs();
    this.processes = new ConnectionProcesses(options.host);
  }

  takeCall(call: SocketCall): void {
    // An address of another family: a Unix socket, netlink.
    if (call.remote === undefined && (call.hasAddress || call.call === 'connect')) return;
    const { host, clock } = this.options;
    const { pid, descriptor } = call;
    const inode =
      descriptor === undefined ? undefined : readSocketInode(host.paths, pid, descriptor);
    this.pending.push({ call: this.processes.observe(call), timeMs: this.timeOf(call), inode });
    if (this.pending.length >= mostPending) this.finish();
    else this.timer ??= clock.after(gatherMs, () => this.finish());
  }

  end(): void {
    this.finish();
  }

  /**
   * The time of a record is that of the call's beginning, and an accept that blocks begins long before anybody connects. It
   * ended before its record was read, and after the records that came before it were made, in about a moment.
   */
  private timeOf({ call, timeMs }: SocketCall): number {
    const { clock } = this.options;
    const latestMs = Math.max(timeMs, this.latestMs);
    this.latestMs = latestMs;
    if (call !== 'accept' || timeMs > clock.wallMs() - promptMs) return timeMs;
    // What waited while nobody read tells no more than what came before it.
    const isPrompt = clock.monotonicMs() > this.beganMs + promptMs;
    return isPrompt ? clock.wallMs() : latestMs;
  }

  private finish(): void {
    this.timer?.cancel();
    this.timer = undefined;
    const { pending } = this;
    if (pending.length === 0) return;
    this.pending = [];
    const { host, lose } = this.options;
    const { sockets, malformed } = readSocketTable(host.paths, host.byteOrder);
    if (malformed > 0) lose('unparsed', malformed);
    const byInode = new Map(sockets.map((socket) => [socket.inode, socket]));
    for (const { call, timeMs, inode } of pending) {
      this.tell(call, timeMs, inode === undefined || inode === 0 ? undefined : byInode.get(inode));
    }
    this.processes.forget();
  }

  private tell(call: ObservedCall, timeMs: number, socket: TableSocket | undefined): void {
    const { host, lose, onFacts } = this.options;
    const isConnected = socket !== undefined && socket.remote.port !== 0;
    const remote = call.remote ?? (isConnected ? socket.remote : undefined);
    if (remote === undefined) {
      // An accept of a Unix socket looks the same, once it is closed.
      lose('connectionGone', 1);
      return;
    }
    if (call.inProgress && socket?.transport === 'tcp' && socket.state === tcpStates.close) {
      onFacts(failedConnect);
      return;
    }
    if (call.pid === host.ownPid) return;
    const isOpen = isConnected && socket.state !== tcpStates.synSent;
    onFacts({
      timeMs,
      direction: call.call === 'connect' ? 'Out' : 'In',
      transport: call.inProgress || call.call === 'accept' ? 'tcp' : (socket?.transport ?? 'tcp'),
      remote,
      local: socket?.local,
      process: processOfCall(call, this.processes.ofProcess(call.pid, call.timeMs)),
      outcomeUnknown: call.inProgress && !isOpen,
      transportUnknown: socket === undefined && call.call === 'connect' && !call.inProgress,
    });
  }
}

/** Connections from the calls that audit records. */
export const audit: Source<ConnectionFacts> = { name: 'audit', open };

async function open(host: Host, told: Told<ConnectionFacts>): Promise<OpenSource | Unavailable> {
  const audited = new AuditedConnections({ ...told, host, clock: host.clock });
  const calls = await subscribeCalls(host, told, audited, ({ source, limitation }) =>
    told.onState({
      source,
      limitation: [
        limitation,
        'Local ports of short connections are unknown, and connections of programs that are older than audit are not seen.',
      ]
        .filter(Boolean)
        .join(' '),
    }),
  );
  if (isUnavailable(calls)) return calls;
  return {
    end: async () => {
      await calls.end();
      audited.end();
    },
  };
}
