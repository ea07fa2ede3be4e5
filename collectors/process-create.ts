import type { Timer } from './clock.js';
import type {
  Observation,
  RunningCollector,
  SourceState,
  TriggeredCollector,
  TriggeredContext,
  Unavailable,
} from './collector.js';
import { isUnavailable } from './collector.js';
import { InOrder } from './in-order.js';
import { executedFile, observationOf, type StartedProgram } from './process-create-payload.js';
import { openProcessSource, type ProcessSource, processSources } from './process-sources.js';
import { Turns } from './turns.js';

type Context = TriggeredContext;

/** Every program that is started, from the best source that works. */
export const processCreate: TriggeredCollector<'ProcessCreate'> = {
  kind: 'triggered',
  name: 'ProcessCreate',
  async start(context) {
    const watch = new ProcessWatch(context);
    const unavailable = await watch.start();
    return unavailable ?? watch;
  },
};

const hashDeadlineMs = 500;
const mostWaitingForHash = 4096;
const mostWaitingCharacters = 8 * 1024 * 1024;
/** How often a better source is tried while a worse one is in use. */
const betterSourceRetryMs = 5 * 60_000;

interface InUse {
  readonly source: ProcessSource;
  readonly end: () => Promise<void>;
}

/**
 * 1. One source is in use at a time; which one, and why no better one, is told whenever it changes.
 * 2. A source that ends is replaced by the best that works; when none does, the collector fails.
 * 3. A better source is armed before the worse one is left: a program may be told twice then, but none is missed.
 * 4. After `stop` nothing is told, and what waited for its hash was told before.
 */
class ProcessWatch implements RunningCollector {
  private readonly order: InOrder<Observation>;
  private inUse: InUse | undefined;
  /** Keeps the table of processes up to date, for the parents; they may be unknown where that cannot be had. */
  private following: { end(): void } | undefined;
  private retry: Timer | undefined;
  private readonly turns = new Turns();
  private stopped = false;

  constructor(private readonly context: Context) {
    this.order = new InOrder({
      clock: context.clock,
      emit: context.emit,
      deadlineMs: hashDeadlineMs,
      mostWaiting: mostWaitingForHash,
      mostWaitingCharacters,
    });
  }

  /** Resolves with the reason when no source works. */
  async start(): Promise<Unavailable | undefined> {
    // First, so that its socket is read first: a parent is known then before its child is told.
    const following = await this.context.host.processes.follow({ onFailed: () => undefined });
    if (!isUnavailable(following)) this.following = following;
    const unavailable = await this.turns.run(() => this.openBest());
    if (unavailable !== undefined) this.following?.end();
    return unavailable;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.cancel();
    await this.turns.run(async () => {
      await this.inUse?.end();
      this.inUse = undefined;
      this.following?.end();
      this.order.flush();
    });
  }

  private candidates(): readonly ProcessSource[] {
    const { processSource } = this.context.host.settings;
    return processSource === 'auto' ? processSources : [processSource];
  }

  /** Takes the best source that works, unless one as good is in use. */
  private async openBest(): Promise<Unavailable | undefined> {
    const reasons: string[] = [];
    for (const source of this.candidates()) {
      if (this.stopped || this.inUse?.source === source) break;
      const opened = await this.open(source, reasons.join(' '));
      if (isUnavailable(opened)) {
        reasons.push(opened.unavailable);
        continue;
      }
      const worse = this.inUse;
      this.inUse = opened;
      await worse?.end();
      break;
    }
    if (this.inUse === undefined) return { unavailable: reasons.join(' ') };
    if (this.inUse.source !== this.candidates()[0]) this.retryLater();
    return undefined;
  }

  private async open(source: ProcessSource, whyNotBetter: string): Promise<InUse | Unavailable> {
    const { host, lose, setSource } = this.context;
    const life = { armed: false, ended: false };
    let state: SourceState = { source };
    const opened = await openProcessSource(source, host, {
      lose,
      onProgram: (program) => {
        // Also before it is armed: what waited in a socket handed over by systemd happened while nobody watched.
        if (!life.ended) this.tell(program);
      },
      onState: (told) => {
        state = withReason(told, whyNotBetter);
        if (life.armed && !life.ended && !this.stopped) setSource(state);
      },
      onFailed: (error) => {
        if (life.ended) return;
        life.ended = true;
        void this.turns.run(() => this.replace(source, error));
      },
    });
    if (isUnavailable(opened)) return opened;
    life.armed = true;
    setSource(state);
    return {
      source,
      end: async () => {
        await opened.end();
        life.ended = true;
      },
    };
  }

  private async replace(source: ProcessSource, error: Error): Promise<void> {
    if (this.stopped || this.inUse?.source !== source) return;
    this.inUse = undefined;
    const unavailable = await this.openBest();
    if (unavailable !== undefined) {
      this.context.fail(new Error(`${error.message} ${unavailable.unavailable}`));
    }
  }

  private retryLater(): void {
    this.retry?.cancel();
    if (this.stopped) return;
    this.retry = this.context.clock.after(betterSourceRetryMs, () => {
      void this.turns.run(() => this.openBest());
    });
  }

  private tell(program: StartedProgram): void {
    const { host, lose } = this.context;
    const { auditUserId, parentPid, realUid, timeMs } = program;
    const nameOf = (uid: number | undefined) => (uid === undefined ? uid : host.users.nameOf(uid));
    const userName = nameOf(realUid);
    const context = {
      userName,
      auditUserName: auditUserId === realUid ? userName : nameOf(auditUserId),
      parent: parentPid === undefined ? undefined : host.processes.of(parentPid, timeMs),
    };
    const file = executedFile(program);
    const { enabled } = host.executableHashes;
    const hash =
      file === undefined || !enabled ? Promise.resolve('') : host.executableHashes.hashOf(file);
    this.order.push(
      hash,
      (found) => {
        if (found === '' && enabled) lose('hashSkipped', 1);
        return observationOf(program, context, found);
      },
      program.argv.reduce((sum, argument) => sum + argument.length, 0),
    );
  }
}

function withReason(state: SourceState, whyNotBetter: string): SourceState {
  const limitation = [state.limitation, whyNotBetter].filter(Boolean).join(' ');
  return limitation === '' ? state : { ...state, limitation };
}
