import type { Clock, Timer } from '../../../base/clock.js';
import { connectionKey } from '../../kernel/sockets/endpoint.js';
import type { ListeningOwners } from '../../kernel/sockets/listening-owners.js';
import type { ObservedTransition } from '../../kernel/sockets/sock-state-trace.js';
import type { AcceptAnswer, ConnectionAccepts, Inbound } from './accepts.js';
import { type Attempt, claimOf } from './attempts.js';
import type { ConnectClaim, ConnectionCalls } from './calls.js';
import type { ConnectionProcess } from './facts.js';
import type { ConnectionProcesses } from './processes.js';

/** One thing that a socket went through and that is told, or was tried, in its turn. */
export type Step =
  | { readonly kind: 'attempt'; readonly attempt: Attempt }
  | { readonly kind: 'out'; readonly attempt: Attempt | undefined; readonly seen: Seen }
  | { readonly kind: 'in'; readonly inbound: Inbound };

export type Seen = Pick<ObservedTransition, 'timeMs' | 'local' | 'remote'>;

/** What the trace told at once. */
export interface Batch {
  readonly steps: readonly Step[];
  readonly inbounds: readonly Inbound[];
  /** The processes that listen for its connections, by pid. */
  readonly processes: Map<number, ConnectionProcess | undefined>;
  /** Until then calls are waited for that would tell more. */
  readonly untilMs: number;
  timer: Timer | undefined;
  waitsForOwners: boolean;
}

interface ConnectionBatchesOptions {
  readonly clock: Clock;
  readonly owners: ListeningOwners;
  readonly processes: ConnectionProcesses;
  readonly accepts: ConnectionAccepts;
  /** Undefined where calls are not audited: then nothing is waited for but the owners. */
  readonly calls: ConnectionCalls | undefined;
  readonly onReady: (batch: Batch, answers: ReadonlyMap<Inbound, AcceptAnswer>) => void;
}

/**
 * What the trace told, kept until the rest is known of it: the audited calls, and who listens.
 *
 * 1. Every batch is ready once, `longestCallDelayMs` after it came and when its owners are found at the latest.
 * 2. A batch whose calls still may tell something else is looked at again and again until then.
 */
export class ConnectionBatches implements Iterable<Batch> {
  private readonly batches = new Set<Batch>();

  constructor(private readonly options: ConnectionBatchesOptions) {}

  /** @param steps at least one */
  add(steps: readonly Step[]): void {
    const inbounds = steps.flatMap((step) => (step.kind === 'in' ? [step.inbound] : []));
    const batch: Batch = {
      steps,
      inbounds,
      processes: new Map(),
      untilMs: this.options.clock.monotonicMs() + longestCallDelayMs,
      timer: undefined,
      waitsForOwners: inbounds.length > 0,
    };
    this.batches.add(batch);
    if (this.options.calls !== undefined) this.waitForCalls(batch, callDelayMs);
    if (batch.waitsForOwners) void this.findOwners(batch);
    this.finishIfReady(batch);
  }

  /** Makes all ready with what is known now. */
  finishAll(): void {
    for (const batch of [...this.batches])
      this.finish(batch, this.options.accepts.answersFor(batch.inbounds));
  }

  /** Those that are not ready, the oldest first. */
  [Symbol.iterator](): Iterator<Batch> {
    return this.batches[Symbol.iterator]();
  }

  private waitForCalls(batch: Batch, delayMs: number): void {
    batch.timer = this.options.clock.after(delayMs, () => {
      batch.timer = undefined;
      this.finishIfReady(batch);
    });
  }

  private async findOwners(batch: Batch): Promise<void> {
    const { inbounds } = batch;
    const owners = await this.options.owners.of(inbounds);
    for (const inbound of inbounds)
      inbound.host = owners.get(connectionKey(inbound)) ?? 'elsewhere';
    if (!this.batches.has(batch)) return;
    for (const { host, atMs } of inbounds) {
      const pid = typeof host === 'object' ? host.pid : undefined;
      if (pid !== undefined && !batch.processes.has(pid))
        batch.processes.set(pid, this.listenerAt(pid, atMs));
    }
    this.options.processes.forget();
    batch.waitsForOwners = false;
    this.finishIfReady(batch);
  }

  /** A listener may have ended since, or been started for the connection, as systemd does. */
  private listenerAt(pid: number, atMs: number): ConnectionProcess | undefined {
    const then = this.options.processes.ofProcess(pid, atMs);
    if (then !== undefined) return then;
    this.options.processes.forget();
    return this.options.processes.ofProcess(pid, this.options.clock.wallMs());
  }

  private finishIfReady(batch: Batch): void {
    if (batch.timer !== undefined || batch.waitsForOwners || !this.batches.has(batch)) return;
    const { clock, accepts, calls } = this.options;
    const answers = accepts.answersFor(batch.inbounds);
    const mayChange =
      batch.inbounds.some((inbound) => answers.get(inbound)?.mayChange === true) ||
      calls?.hasConnects(batch.steps.flatMap(claimsOfUnknown)) === false;
    const isLate = clock.monotonicMs() >= batch.untilMs;
    if (calls !== undefined && mayChange && !isLate) this.waitForCalls(batch, callIntervalMs);
    else this.finish(batch, answers);
  }

  private finish(batch: Batch, answers: ReadonlyMap<Inbound, AcceptAnswer>): void {
    batch.timer?.cancel();
    this.batches.delete(batch);
    this.options.onReady(batch, answers);
  }
}

/** The claim of a connection of which nothing but its call can tell who made it. */
export function claimOfUnknown({ remote, timeMs }: Seen): ConnectClaim {
  return { remote, timeMs, pid: undefined, isProcessKnown: false };
}

/** The claim that a step has on calls while nothing else tells its process. */
function claimsOfUnknown(step: Step): readonly ConnectClaim[] {
  if (step.kind !== 'out') return [];
  const { attempt, seen } = step;
  if (attempt === undefined) return [claimOfUnknown(seen)];
  return attempt.process === undefined && attempt.call === undefined ? [claimOf(attempt)] : [];
}

/** How long the audit record of a call may follow the trace of its socket. */
const callDelayMs = 300;
/** How long it is waited for where nothing else tells the process, and how often that is looked at. */
const longestCallDelayMs = 800;
const callIntervalMs = 100;
