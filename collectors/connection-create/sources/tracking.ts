import type { Clock, Timer } from '../../../base/clock.js';
import type { ReportLoss } from '../../../base/loss.js';
import type { Host } from '../../interface/host.js';
import type { SocketCall } from '../../kernel/audit/socket-call.js';
import { readNetworkNamespace } from '../../kernel/processes/proc.js';
import { AcceptingSockets } from '../../kernel/sockets/accepting-sockets.js';
import type { EndedSocket } from '../../kernel/sockets/ended-sockets-messages.js';
import { connectionKey, type Endpoint, endpointKey } from '../../kernel/sockets/endpoint.js';
import { ListeningOwners } from '../../kernel/sockets/listening-owners.js';
import { isClosedByThread, tcpStates } from '../../kernel/sockets/sock-state.js';
import type { ObservedTransition } from '../../kernel/sockets/sock-state-trace.js';
import { type AcceptAnswer, ConnectionAccepts, type Inbound } from './accepts.js';
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
  | { readonly kind: 'in'; readonly inbound: Inbound };
type Seen = Pick<ObservedTransition, 'timeMs' | 'local' | 'remote'>;

interface Batch {
  readonly steps: readonly Step[];
  readonly inbounds: readonly Inbound[];
  /** Until then calls are waited for that would tell more. */
  readonly untilMs: number;
  readonly processes: Map<number, ConnectionProcess | undefined>;
  timer: Timer | undefined;
  waitsForOwners: boolean;
}

const mostAttempts = 8192;
/** How long the audit record of a call may follow the trace of its socket. */
const callDelayMs = 300;
/** How long it is waited for where nothing else tells the process, and how often that is looked at. */
const longestCallDelayMs = 800;
const callIntervalMs = 100;

/**
 * Makes connections out of what TCP sockets go through, and finds the process of each.
 *
 * 1. A connection is told once: when its handshake is finished, never when it failed.
 * 2. Who made one is the thread that called connect(2); who took one is the process that accepted it where audit saw
 *    that, and otherwise the one that listens. Nobody is named where one of several processes took it.
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
  private readonly accepts: ConnectionAccepts;
  private readonly acceptingSockets: AcceptingSockets;
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
    const { clock, withCalls } = this.options;
    const steps: Step[] = [];
    for (const transition of transitions) this.step(transition, steps);
    if (steps.length > 0) {
      const inbounds = steps.flatMap((step) => (step.kind === 'in' ? [step.inbound] : []));
      const batch: Batch = {
        steps,
        inbounds,
        untilMs: clock.monotonicMs() + longestCallDelayMs,
        processes: new Map(),
        timer: undefined,
        waitsForOwners: inbounds.length > 0,
      };
      this.batches.add(batch);
      if (withCalls) this.waitForCalls(batch, callDelayMs);
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
    for (const batch of [...this.batches])
      this.finish(batch, this.accepts.answersFor(batch.inbounds));
    this.calls.flush();
  }

  private waitForCalls(batch: Batch, delayMs: number): void {
    batch.timer = this.options.clock.after(delayMs, () => {
      batch.timer = undefined;
      this.finishIfReady(batch);
    });
  }

  private step(transition: ObservedTransition, steps: Step[]): void {
    const { socket, oldState, newState, threadId, timeMs, local, remote } = transition;
    const attempt = this.attemptOf(transition);
    if (newState === tcpStates.synReceived) {
      if (attempt !== undefined) attempt.crossedAt = local;
      return;
    }
    this.attempts.delete(socket);
    if (isClosedByThread(transition)) this.accepts.closed(socket, threadId, transition);
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
        const inbound = this.accepts.begun(socket, { atMs: timeMs, local, remote });
        steps.push({ kind: 'in', inbound });
      }
    } else if (oldState === tcpStates.synSent || attempt !== undefined) {
      if (attempt?.process?.pid !== this.options.host.ownPid) this.options.onFacts(failedConnect);
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
    const { inbounds } = batch;
    const owners = await this.owners.of(inbounds);
    for (const inbound of inbounds)
      inbound.host = owners.get(connectionKey(inbound)) ?? 'elsewhere';
    if (!this.batches.has(batch)) return;
    for (const { host, atMs } of inbounds) {
      const pid = typeof host === 'object' ? host.pid : undefined;
      if (pid !== undefined && !batch.processes.has(pid))
        batch.processes.set(pid, this.listenerAt(pid, atMs));
    }
    this.processes.forget();
    batch.waitsForOwners = false;
    this.finishIfReady(batch);
  }

  /** A listener may have ended since, or been started for the connection, as systemd does. */
  private listenerAt(pid: number, atMs: number): ConnectionProcess | undefined {
    const then = this.processes.ofProcess(pid, atMs);
    if (then !== undefined) return then;
    this.processes.forget();
    return this.processes.ofProcess(pid, this.options.clock.wallMs());
  }

  private finishIfReady(batch: Batch): void {
    if (batch.timer !== undefined || batch.waitsForOwners || !this.batches.has(batch)) return;
    const answers = this.accepts.answersFor(batch.inbounds);
    const mayChange =
      batch.inbounds.some((inbound) => answers.get(inbound)?.mayChange === true) ||
      !this.calls.hasConnects(batch.steps.flatMap(claimsOfUnknown));
    const isLate = this.options.clock.monotonicMs() >= batch.untilMs;
    if (this.options.withCalls && mayChange && !isLate) this.waitForCalls(batch, callIntervalMs);
    else this.finish(batch, answers);
  }

  private finish(batch: Batch, answers: ReadonlyMap<Inbound, AcceptAnswer>): void {
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
    this.options.onFacts(connection);
  }
}

/** The claim of a connection of which nothing but its call can tell who made it. */
function claimsOfUnknown(step: Step): readonly ConnectClaim[] {
  if (step.kind !== 'out') return [];
  const { attempt, seen } = step;
  if (attempt === undefined) return [claimOfUnknown(seen)];
  return attempt.process === undefined && attempt.call === undefined ? [claimOf(attempt)] : [];
}

function claimOfUnknown({ remote, timeMs }: Seen): ConnectClaim {
  return { remote, timeMs, pid: undefined, isProcessKnown: false };
}

function claimOf({ remote, process, threadId, timeMs }: Attempt): ConnectClaim {
  return { remote, timeMs, pid: process?.pid ?? threadId, isProcessKnown: process !== undefined };
}
