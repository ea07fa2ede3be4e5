import type { Clock, Timer } from '../../base/clock.js';
import { Turns } from '../../base/turns.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type { SourceState } from '../kernel/source-state.js';

export interface SourceHooks {
  readonly onState: (state: SourceState) => void;
  /** The source ended for good. */
  readonly onFailed: (error: Error) => void;
}

interface BestSourceOptions<S extends string> {
  readonly clock: Clock;
  /** The best first. */
  readonly candidates: readonly S[];
  readonly open: (source: S, hooks: SourceHooks) => Promise<{ end(): Promise<void> } | Unavailable>;
  readonly setSource: (state: SourceState) => void;
  readonly fail: (error: Error) => void;
}

interface InUse<S> {
  readonly source: S;
  readonly end: () => Promise<void>;
}

const betterSourceRetryMs = 5 * 60_000;

/**
 * Keeps the best of several sources in use.
 *
 * 1. Which one is in use, and why no better one, is told whenever it changes.
 * 2. A source that ends is replaced by the best that works; when none does, the collector fails.
 * 3. A better source is armed before the worse one is left: something may be told twice then, but nothing is missed.
 */
export class BestSource<S extends string> {
  private inUse: InUse<S> | undefined;
  private retry: Timer | undefined;
  private readonly turns = new Turns();
  private stopped = false;

  constructor(private readonly options: BestSourceOptions<S>) {}

  /** Resolves with the reason when no source works. */
  start(): Promise<Unavailable | undefined> {
    return this.turns.run(() => this.openBest());
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.retry?.cancel();
    await this.turns.run(async () => {
      await this.inUse?.end();
      this.inUse = undefined;
    });
  }

  private async openBest(): Promise<Unavailable | undefined> {
    const { candidates } = this.options;
    const reasons: string[] = [];
    for (const source of candidates) {
      if (this.stopped || this.inUse?.source === source) break;
      const opened = await this.open(source, reasons);
      if (isUnavailable(opened)) {
        // Sources that share a part fail for the same reason.
        if (!reasons.includes(opened.unavailable)) reasons.push(opened.unavailable);
        continue;
      }
      const worse = this.inUse;
      this.inUse = opened;
      await worse?.end();
      break;
    }
    if (this.inUse === undefined) return { unavailable: reasons.join(' ') };
    if (this.inUse.source !== candidates[0]) this.retryLater();
    return undefined;
  }

  private async open(source: S, reasons: readonly string[]): Promise<InUse<S> | Unavailable> {
    const { open, setSource } = this.options;
    const life = { armed: false, ended: false };
    const whyNotBetter = reasons.join(' ');
    let state: SourceState = { source };
    const opened = await open(source, {
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
        life.ended = true;
        await opened.end();
      },
    };
  }

  private async replace(source: S, error: Error): Promise<void> {
    if (this.stopped || this.inUse?.source !== source) return;
    const broken = this.inUse;
    this.inUse = undefined;
    await broken.end();
    const unavailable = await this.openBest();
    if (unavailable !== undefined)
      this.options.fail(new Error(`${error.message} ${unavailable.unavailable}`));
  }

  private retryLater(): void {
    this.retry?.cancel();
    if (this.stopped) return;
    this.retry = this.options.clock.after(betterSourceRetryMs, () => {
      void this.turns.run(() => this.openBest());
    });
  }
}

function withReason(state: SourceState, whyNotBetter: string): SourceState {
  const limitation = [state.limitation, whyNotBetter].filter(Boolean).join(' ');
  return limitation === '' ? state : { ...state, limitation };
}
