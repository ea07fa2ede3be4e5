import type { Clock } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Host } from '../../interface/host.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import { readNetworkNamespace } from '../../kernel/processes/proc.js';
import { AcceptingSockets } from '../../kernel/sockets/accepting-sockets.js';
import type { EndedSocket } from '../../kernel/sockets/ended-sockets-messages.js';
import { ListeningOwners } from '../../kernel/sockets/listening-owners.js';
import { isClosedByThread, tcpStates } from '../../kernel/sockets/sock-state.js';
import type { ObservedTransition } from '../../kernel/sockets/sock-state-trace.js';
import { type AcceptAnswer, ConnectionAccepts, type Inbound } from './accepts.js';
import { type Attempt, Attempts, claimOf } from './attempts.js';
import { type Batch, claimOfUnknown, ConnectionBatches, type Seen, type Step } from './batches.js';
import { ConnectionCalls, type ConnectClaim } from './calls.js';
import {
  type Connection,
  type ConnectionFacts,
  type ConnectionProcess,
  failedConnect,
} from './facts.js';
import { ConnectionProcesses, type ObservedCall, processOfCall } from './processes.js';

interface ConnectionTrackingOptions {
  readonly host: Host;
  readonly clock: Clock;
  readonly lose: ReportLoss;
  readonly onFacts: (facts: ConnectionFacts) => void;
  /** Audited calls are handed in as well, and are worth waiting for. */
  readonly withCalls: boolean;
  /** What the trace has recorded and not told yet. */
  readonly untold: () => readonly ObservedTransition[];
}

/**
 * The connections that follow from what TCP sockets go through, and the process of each.
 *
 * 1. A connection is told once: when its handshake is finished, never when it failed.
 * 2. Who made one is the thread that called connect(2); who took one is the process that accepted it where audit saw
 *    that, and otherwise the one that listens. Nobody is named where one of several processes took it.
 * 3. What processes are is read at once, before they end, and not when the connection is told.
 * 4. A finished connect without TCP is one of UDP.
 * 5. After `end` nothing is told, and what was handed in before was told.
 */
export class ConnectionTracking {
  private readonly attempts: Attempts;
  private readonly batches: ConnectionBatches;
  private readonly processes: ConnectionProcesses;
  private readonly calls: ConnectionCalls;
  private readonly owners: ListeningOwners;
  private readonly accepts: ConnectionAccepts;
  private readonly acceptingSockets: AcceptingSockets;
  /** Transitions were lost, so that a call without TCP may be TCP nevertheless. */
  private doubtUntilMs = -Infinity;

  constructor(private readonly options: ConnectionTrackingOptions) {
    const { host, clock, lose } = options;
    this.attempts = new Attempts(lose);
    this.processes = new ConnectionProcesses(host);
    this.owners = new ListeningOwners({
      paths: host.paths,
      clock,
      byteOrder: host.byteOrder,
      onGivenUp: (count) => lose('connectionsPending', count),
    });
    this.acceptingSockets = new AcceptingSockets(host.paths, clock);
    this.accepts = new ConnectionAccepts({
      clock,
      paths: host.paths,
      isListening: (inode) => this.owners.isListening(inode),
      untold: () => this.untoldAccepted(),
    });
    this.calls = new ConnectionCalls({
      clock,
      expected: () => this.expectedCalls(),
      onUnclaimed: (call) => this.tellUdp(call),
      onOverflow: () => lose('connectionsPending', 1),
    });
    this.batches = new ConnectionBatches({
      clock,
      owners: this.owners,
      processes: this.processes,
      accepts: this.accepts,
      calls: options.withCalls ? this.calls : undefined,
      onReady: (batch, answers) => this.tellAll(batch, answers),
    });
  }

  /** Looks who listens, before anybody connects. */
  begin(): void {
    this.owners.prepare();
  }

  /** Ends of sockets are told with `takeEnded` from now on. @param refresh tells those of which the kernel knows now */
  expectEnded(refresh: () => void): void {
    this.owners.expectNews(refresh);
  }

  /** Ends of sockets are told no more. */
  expectNoEnded(): void {
    this.owners.expectNoNews();
  }

  /** Sockets of the agent's network namespace that ended. */
  takeEnded(sockets: readonly EndedSocket[]): void {
    this.owners.ended(sockets);
  }

  takeCall(call: SocketCall): void {
    if (call.call === 'accept') this.takeAccept(call);
    else if (call.remote !== undefined) this.calls.add(this.processes.observe(call));
  }

  private takeAccept(call: SocketCall): void {
    // An address of another family: a Unix socket.
    if (call.hasAddress && call.remote === undefined) return;
    const { pid, listeningDescriptor } = call;
    const listeningSocket =
      listeningDescriptor === undefined
        ? undefined
        : this.acceptingSockets.inodeOf(pid, listeningDescriptor);
    if (listeningSocket === undefined && call.remote === undefined) return;
    const observed: ObservedCall = {
      ...this.processes.observe(call),
      ...(listeningSocket !== undefined && { listeningSocket }),
    };
    if (listeningSocket !== undefined) this.accepts.called(observed, listeningSocket);
    if (call.remote !== undefined) this.calls.add(observed);
  }

  /** Transitions were missed. */
  doubt(): void {
    this.doubtUntilMs = this.options.clock.monotonicMs() + 5000;
  }

  takeTransitions(transitions: readonly ObservedTransition[]): void {
    const steps: Step[] = [];
    for (const transition of transitions) this.step(transition, steps);
    if (steps.length > 0) this.batches.add(steps);
    this.processes.forget();
  }

  /** Tells at once what is known of everything that still waits. */
  async end(): Promise<void> {
    this.owners.stop();
    // The batches that waited for owners take what was found.
    await this.owners.of([]);
    this.batches.finishAll();
    this.calls.flush();
  }

  private step(transition: ObservedTransition, steps: Step[]): void {
    const { socket, oldState, newState, threadId, timeMs, local, remote } = transition;
    const attempt = this.attempts.of(transition);
    if (newState === tcpStates.synReceived) {
      if (attempt !== undefined) attempt.crossedAt = local;
      return;
    }
    this.attempts.forget(socket);
    if (isClosedByThread(transition)) this.accepts.closed(socket, threadId, transition);
    if (newState === tcpStates.listen) {
      this.owners.opened(local, this.processes.ofThread(threadId, timeMs)?.pid);
    } else if (newState === tcpStates.synSent) {
      const process = this.processes.ofThread(threadId, timeMs);
      steps.push({ kind: 'attempt', attempt: this.attempts.begin(transition, process) });
    } else if (newState === tcpStates.established) {
      const seen = { timeMs, local, remote };
      if (oldState === tcpStates.synSent || attempt !== undefined) {
        steps.push({ kind: 'out', attempt, seen });
      } else {
        const inbound = this.accepts.begun(socket, { atMs: timeMs, local, remote });
        steps.push({ kind: 'in', inbound });
      }
    } else if (oldState === tcpStates.synSent || attempt !== undefined) {
      if (attempt?.process?.pid !== this.options.host.ownPid) this.options.onFacts(failedConnect);
    }
  }

  private tellAll(batch: Batch, answers: ReadonlyMap<Inbound, AcceptAnswer>): void {
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
          this.tellAccepted(step.inbound, answers.get(step.inbound), batch);
          break;
      }
    }
    if (batch.inbounds.length > 0) this.accepts.tidy();
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

  private tellAccepted(inbound: Inbound, answer: AcceptAnswer | undefined, batch: Batch): void {
    const { host, atMs: timeMs, local, remote } = inbound;
    const seen = { timeMs, local, remote, direction: 'In', transport: 'tcp' } as const;
    inbound.told = true;
    const { call, taker } = answer ?? {};
    // The call counts as claimed, also where it is not the one that is told.
    const named = this.calls.claimAccept(remote, (each) => this.mayHaveTaken(each, host));
    const believed = typeof taker === 'number' ? call : named;
    if (believed !== undefined) {
      this.tell({ ...seen, process: this.callerOf(believed) });
    } else if (typeof taker === 'number') {
      this.tell({ ...seen, process: this.processes.ofProcess(taker, timeMs) });
    } else if (taker === 'several' || typeof host !== 'object' || host.pid === undefined) {
      this.tell({ ...seen, process: undefined });
    } else {
      this.tell({ ...seen, process: batch.processes.get(host.pid), processListens: true });
    }
  }

  /**
   * Whether a call that names the other end of a connection may have taken it: anybody can accept in a network namespace of
   * his own from whatever address he likes.
   */
  private mayHaveTaken(call: ObservedCall, host: Inbound['host']): boolean {
    const { listeningSocket, pid } = call;
    if (typeof host !== 'object')
      return listeningSocket === undefined || !this.owners.isListening(listeningSocket);
    if (listeningSocket === undefined || host.listening.includes(listeningSocket)) return true;
    if (host.listening.length > 0) return false;
    // Nobody listens any more: what is behind the descriptor now says nothing.
    const { paths } = this.options.host;
    const namespace = readNetworkNamespace(paths, pid);
    return namespace === undefined || namespace === readNetworkNamespace(paths, 'self');
  }

  private untoldAccepted(): Pick<Inbound, 'atMs' | 'local' | 'remote'>[] {
    const { synReceived, established } = tcpStates;
    return this.options
      .untold()
      .filter(({ oldState, newState }) => oldState === synReceived && newState === established)
      .map(({ timeMs, local, remote }) => ({ atMs: timeMs, local, remote }));
  }

  /** Of the connections that are not told yet. */
  private expectedCalls(): readonly ConnectClaim[] {
    const attempts = [...this.attempts];
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
    this.options.onFacts(connection);
  }
}
