import type { Clock, Timer } from './clock.js';
import { ConnectionCalls, type ConnectClaim } from './connection-calls.js';
import type { Connection, ConnectionProcess } from './connection-create-payload.js';
import { ConnectionProcesses, type ObservedCall, processOfCall } from './connection-processes.js';
import type { Host } from './host.js';
import type { SocketCall } from './linux/audit/socket-call.js';
import { connectionKey, type Endpoint, endpointKey } from './linux/endpoint.js';
import { ListeningOwners } from './linux/listening-owners.js';
import { tcpStates } from './linux/sock-state.js';
import type { ObservedTransition } from './linux/sock-state-trace.js';
import type { ReportLoss } from './loss.js';

interface ConnectionTrackingOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly lose: ReportLoss;
  readonly onConnection: (connection: Connection) => void;
  readonly onFailedConnect: () => void;
  /** Audited calls are handed in as well, and are worth waiting for. */
  readonly withCalls: boolean;
  /** What the trace has recorded and not told yet. */
  readonly untold: () => readonly ObservedTransition[];
}

/** A connection that this side tries to make. */
interface Attempt {
  readonly timeMs: number;
  readonly threadId: number;
  readonly process: ConnectionProcess | undefined;
  readonly remote: Endpoint;
  /** This end, once the other side was found to begin, too (RFC 9293 §3.5). */
  crossedAt: Endpoint | undefined;
  call: ObservedCall | undefined;
}

type Step =
  | { readonly kind: 'attempt'; readonly attempt: Attempt }
  | { readonly kind: 'out'; readonly attempt: Attempt | undefined; readonly seen: Seen }
  | { readonly kind: 'in'; readonly seen: Seen };
type Seen = Pick<ObservedTransition, 'timeMs' | 'local' | 'remote'>;

interface Batch {
  readonly steps: readonly Step[];
  /** Pids of those that listen, by `connectionKey`. */
  owners: ReadonlyMap<string, number>;
  readonly processes: Map<number, ConnectionProcess | undefined>;
  timer: Timer | undefined;
  waitsForOwners: boolean;
}

const mostAttempts = 8192;
/** How long the audit record of a call may follow the trace of its socket. */
const callDelayMs = 300;

/**
 * Makes connections out of what TCP sockets go through, and finds the process of each.
 *
 * 1. A connection is told once: when its handshake is finished, never when it failed.
 * 2. Who made one is the thread that called connect(2); who took one is the process that accepted it where audit saw
 *    that with its address, and otherwise the one that listens.
 * 3. What processes are is read at once, before they end, and not when the connection is told.
 * 4. A finished connect without TCP is one of UDP.
 * 5. After `end` nothing is told, and what was handed in before was told.
 */
export class ConnectionTracking {
  private readonly attempts = new Map<string, Attempt>();
  private readonly batches = new Set<Batch>();
  private readonly processes: ConnectionProcesses;
  private readonly calls: ConnectionCalls;
  private readonly owners: ListeningOwners;
  /** Transitions were lost, so that a call without TCP may be TCP nevertheless. */
  private doubtUntilMs = -Infinity;

  constructor(private readonly options: ConnectionTrackingOptions) {
    const { host, clock, lose } = options;
    this.processes = new ConnectionProcesses(host);
    this.owners = new ListeningOwners({
      paths: host.paths,
      clock,
      byteOrder: host.byteOrder,
      onGivenUp: (count) => lose('connectionsPending', count),
    });
    this.calls = new ConnectionCalls({
      clock,
      expected: () => this.expectedCalls(),
      onUnclaimed: (call) => this.tellUdp(call),
      onOverflow: () => lose('connectionsPending', 1),
    });
  }

  takeCall(call: SocketCall): void {
    if (call.remote !== undefined) this.calls.add(this.processes.observe(call));
  }

  /** Transitions were missed. */
  doubt(): void {
    this.doubtUntilMs = this.options.clock.monotonicMs() + 5000;
  }

  takeTransitions(transitions: readonly ObservedTransition[]): void {
    const { clock, withCalls } = this.options;
    const steps: Step[] = [];
    for (const transition of transitions) this.step(transition, steps);
    if (steps.length > 0) {
      const batch: Batch = {
        steps,
        owners: new Map(),
        processes: new Map(),
        timer: undefined,
        waitsForOwners: steps.some(({ kind }) => kind === 'in'),
      };
      this.batches.add(batch);
      if (withCalls) {
        batch.timer = clock.after(callDelayMs, () => {
          batch.timer = undefined;
          this.finishIfReady(batch);
        });
      }
      if (batch.waitsForOwners) void this.findOwners(batch);
      this.finishIfReady(batch);
    }
    this.processes.forget();
  }

  /** Tells at once what is known of everything that still waits. */
  async end(): Promise<void> {
    this.owners.stop();
    // The batches that waited for owners take what was found.
    await this.owners.of([]);
    for (const batch of [...this.batches]) this.finish(batch);
    this.calls.flush();
  }

  private step(transition: ObservedTransition, steps: Step[]): void {
    const { socket, oldState, newState, threadId, timeMs, local, remote } = transition;
    const attempt = this.attemptOf(transition);
    if (newState === tcpStates.synReceived) {
      if (attempt !== undefined) attempt.crossedAt = local;
      return;
    }
    this.attempts.delete(socket);
    if (newState === tcpStates.listen) {
      this.owners.opened(local, this.processes.ofThread(threadId, timeMs)?.pid);
    } else if (newState === tcpStates.synSent) {
      const begun: Attempt = {
        timeMs,
        threadId,
        process: this.processes.ofThread(threadId, timeMs),
        remote,
        crossedAt: undefined,
        call: undefined,
      };
      this.remember(socket, begun);
      steps.push({ kind: 'attempt', attempt: begun });
    } else if (newState === tcpStates.established) {
      const seen = { timeMs, local, remote };
      if (oldState === tcpStates.synSent || attempt !== undefined) {
        steps.push({ kind: 'out', attempt, seen });
      } else {
        steps.push({ kind: 'in', seen });
      }
    } else if (oldState === tcpStates.synSent || attempt !== undefined) {
      if (attempt?.process?.pid !== this.options.host.ownPid) this.options.onFailedConnect();
    }
  }

  /**
   * The attempt that a transition goes on with. The end of one may have been missed, and the kernel gives the memory of
   * its socket to another, which is accepted from elsewhere: so both ends have to be the same.
   */
  private attemptOf(transition: ObservedTransition): Attempt | undefined {
    const { socket, oldState, local, remote } = transition;
    const attempt = this.attempts.get(socket);
    if (attempt === undefined || endpointKey(attempt.remote) !== endpointKey(remote))
      return undefined;
    if (oldState === tcpStates.synSent) return attempt;
    const { crossedAt } = attempt;
    const isCrossed = crossedAt !== undefined && endpointKey(crossedAt) === endpointKey(local);
    return oldState === tcpStates.synReceived && isCrossed ? attempt : undefined;
  }

  private remember(socket: string, attempt: Attempt): void {
    this.attempts.set(socket, attempt);
    for (const oldest of this.attempts.keys()) {
      if (this.attempts.size <= mostAttempts) break;
      this.attempts.delete(oldest);
      this.options.lose('connectionsPending', 1);
    }
  }

  private async findOwners(batch: Batch): Promise<void> {
    const accepted = batch.steps.flatMap((step) => (step.kind === 'in' ? [step.seen] : []));
    batch.owners = await this.owners.of(accepted);
    if (!this.batches.has(batch)) return;
    for (const pid of new Set(batch.owners.values()))
      batch.processes.set(pid, this.processes.ofProcess(pid, this.options.clock.wallMs()));
    this.processes.forget();
    batch.waitsForOwners = false;
    this.finishIfReady(batch);
  }

  private finishIfReady(batch: Batch): void {
    if (batch.timer === undefined && !batch.waitsForOwners && this.batches.has(batch))
      this.finish(batch);
  }

  private finish(batch: Batch): void {
    batch.timer?.cancel();
    this.batches.delete(batch);
    for (const step of batch.steps) {
      switch (step.kind) {
        case 'attempt':
          step.attempt.call = this.calls.claimBackground(claimOf(step.attempt));
          break;
        case 'out':
          this.tell({
            ...step.seen,
            direction: 'Out',
            transport: 'tcp',
            process:
              step.attempt === undefined
                ? this.processByCall(step.seen)
                : this.processOf(step.attempt),
          });
          break;
        case 'in':
          this.tellAccepted(step.seen, batch);
          break;
      }
    }
    this.processes.forget();
  }

  private processOf(attempt: Attempt): ConnectionProcess | undefined {
    const { process } = attempt;
    const call = attempt.call ?? this.calls.claimConnect(claimOf(attempt));
    if (call === undefined) return process;
    return this.callerOf(call, process);
  }

  private callerOf(call: ObservedCall, atBeginning?: ConnectionProcess): ConnectionProcess {
    return processOfCall(call, atBeginning, this.processes.ofProcess(call.pid, call.timeMs));
  }

  /** Of a connection whose beginning was not seen. */
  private processByCall(seen: Seen): ConnectionProcess | undefined {
    const call = this.calls.claimConnect(claimOfUnknown(seen));
    return call && this.callerOf(call);
  }

  private tellAccepted(seen: Seen, batch: Batch): void {
    const call = this.calls.claimAccept(seen.remote);
    const listener = batch.owners.get(connectionKey(seen));
    if (call !== undefined) {
      const process = this.callerOf(call);
      this.tell({ ...seen, direction: 'In', transport: 'tcp', process });
      return;
    }
    const process = listener === undefined ? undefined : batch.processes.get(listener);
    this.tell({ ...seen, direction: 'In', transport: 'tcp', process, processListens: true });
  }

  /** Of the connections that are not told yet. */
  private expectedCalls(): readonly ConnectClaim[] {
    const attempts = [...this.attempts.values()];
    const claims: ConnectClaim[] = [];
    for (const { steps } of this.batches) {
      for (const step of steps) {
        if (step.kind === 'attempt') attempts.push(step.attempt);
        else if (step.kind === 'out' && step.attempt === undefined)
          claims.push(claimOfUnknown(step.seen));
        else if (step.kind === 'out' && step.attempt !== undefined) attempts.push(step.attempt);
      }
    }
    for (const transition of this.options.untold()) {
      const { newState, threadId, remote, timeMs } = transition;
      if (newState === tcpStates.synSent)
        claims.push({ remote, timeMs, pid: threadId, isProcessKnown: false });
    }
    return [...attempts.filter(({ call }) => call === undefined).map(claimOf), ...claims];
  }

  private tellUdp(call: ObservedCall): void {
    const { remote, timeMs } = call;
    if (remote === undefined) return;
    const transportUnknown = this.doubtUntilMs > this.options.clock.monotonicMs();
    this.tell({
      timeMs,
      direction: 'Out',
      transport: 'udp',
      remote,
      local: undefined,
      process: this.callerOf(call),
      transportUnknown,
    });
    this.processes.forget();
  }

  private tell(connection: Connection): void {
    if (connection.process?.pid === this.options.host.ownPid) return;
    this.options.onConnection(connection);
  }
}

function claimOfUnknown({ remote, timeMs }: Seen): ConnectClaim {
  return { remote, timeMs, pid: undefined, isProcessKnown: false };
}

function claimOf({ remote, process, threadId, timeMs }: Attempt): ConnectClaim {
  return { remote, timeMs, pid: process?.pid ?? threadId, isProcessKnown: process !== undefined };
}
