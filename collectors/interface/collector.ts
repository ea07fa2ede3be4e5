import type { Clock } from '../../base/clock.js';
import type { ReportLoss } from '../../base/loss.js';
import type { Unavailable } from '../../base/unavailable.js';
import type { Payload, SnapshotName, TriggeredName } from '../../contract/events.js';
import type { SourceState } from '../kernel/source-state.js';
import type { Host } from './host.js';
import type { RawFacts } from './raw-facts.js';

/**
 * Answers "what is there now". An empty array means "looked, and found none"; a read that failed is `Unavailable`
 * when the device cannot give the answer, and a thrown error otherwise. Never schedules, retries or sends.
 */
export interface SnapshotCollector<N extends SnapshotName, Answer = readonly Payload<N>[]> {
  readonly kind: 'snapshot';
  readonly name: N;
  /** A look needs no repetition sooner than this, however short the interval of the snapshots is. Absent: it may. */
  readonly leastIntervalMs?: number;
  collect(context: SnapshotContext): Promise<Answer | Unavailable>;
  /**
   * Notices changes of what is there, so that nobody waits for the next interval; resolves when every change from then on
   * is noticed. When and how often a change leads to a snapshot is the runner's. Absent: only the interval counts.
   */
  watch?(context: WatchContext): Promise<RunningCollector | Unavailable>;
}

/**
 * Instead of all that is there what is new since an earlier look, which the collector remembers; nothing new is not told
 * at all.
 */
export interface News<N extends SnapshotName> {
  readonly news: readonly Payload<N>[];
  /** Called when the news are handed on: what was looked at may be remembered now. Not called for a look given up. */
  readonly told: () => void;
}

export type NewsCollector<N extends SnapshotName> = SnapshotCollector<N, News<N>>;

/** One of both kinds of answer. */
export type AnySnapshotCollector = SnapshotCollector<
  SnapshotName,
  readonly Payload<SnapshotName>[] | News<SnapshotName>
>;

export interface WatchContext {
  readonly host: Host;
  readonly lose: ReportLoss;
  /** What is there may not be what the last snapshot told; as often as it likes. */
  readonly changed: () => void;
  /** The watch broke for good; the runner stops it and starts it again later. */
  readonly fail: (error: Error) => void;
}

export interface SnapshotContext {
  readonly host: Host;
  /** Aborted when the runner's deadline has passed. */
  readonly signal: AbortSignal;
  readonly lose: ReportLoss;
  /** Tells where this snapshot comes from and what it cannot see; called with each snapshot. */
  readonly setSource: (state: SourceState) => void;
}

/** Something that happened, as the kernel told it: nothing redacted, cut or aggregated yet. */
export interface Observation<N extends TriggeredName = TriggeredName> {
  /** Wall clock of the moment it happened, in milliseconds since the epoch. */
  readonly timeMs: number;
  readonly payload: Payload<N>;
  /**
   * The arguments that `payload.CommandLine` joins with blanks: secrets are found argument by argument.
   * Absent for events without a command line.
   */
  readonly argv?: readonly string[];
  /**
   * The arguments of further command lines by the member of `ExtraDetails` that shall tell them: joined there with
   * blanks, secrets masked, and cut short.
   */
  readonly detailArgv?: Readonly<Record<string, readonly string[]>>;
  /** What else rules of detection are judged on, beside these arguments; asked only where there are rules. */
  readonly raw?: () => RawFacts;
}

/** Is started and stopped, and emits payloads as things happen. */
export interface TriggeredCollector<N extends TriggeredName> {
  readonly kind: 'triggered';
  readonly name: N;
  /** Resolves when the collector is armed: whatever happens from then on is seen. */
  start(context: TriggeredContext<N>): Promise<RunningCollector | Unavailable>;
}

export interface TriggeredContext<N extends TriggeredName = TriggeredName> {
  readonly host: Host;
  readonly clock: Clock;
  readonly emit: (observation: Observation<N>) => void;
  readonly lose: ReportLoss;
  /** Tells the source in use; called before `start` resolves and whenever it changes. */
  readonly setSource: (state: SourceState) => void;
  /** Tells that the running collector broke for good; the runner stops it and starts it again later. */
  readonly fail: (error: Error) => void;
}

export interface RunningCollector {
  /** Stops watching and undoes everything that was changed on the host. Never throws; resolves within 2 s. */
  stop(): Promise<void>;
}

export type Collector = AnySnapshotCollector | TriggeredCollector<TriggeredName>;
