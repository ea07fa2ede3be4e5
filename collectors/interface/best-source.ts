import type { Timer } from '../../base/clock.js';
import { Turns } from '../../base/turns.js';
import { isUnavailable, type Unavailable } from '../../base/unavailable.js';
import type { SourceState } from '../kernel/source-state.js';
import type { TriggeredContext } from './collector.js';
import type { OpenSource, Source, Told } from './source.js';

interface BestSourceOptions<F> extends Omit<TriggeredContext, 'emit'> {
  /** The best first. */
  readonly sources: readonly Source<F>[];
  /** `auto`, or the name of the one source that shall be used. */
  readonly setting: string;
  readonly onFacts: Told<F>['onFacts'];
}

interface InUse<F> extends OpenSource {
  readonly source: Source<F>;
}

const betterSourceRetryMs = 5 * 60_000;

/**
 * Keeps the best of several sources in use.
 *
 * 1. Which one is in use, and why no better one, is told whenever it changes.
 * 2. A source that ends is replaced by the best that works; when none does, the collector fails.
 * 3. A better source is armed before the worse one is left: something may be told twice then, but nothing is missed.
 * 4. What a source tells before it is armed and while it ends is passed on, nothing that it tells later.
 */
export class BestSource<F> {
  private readonly candidates: readonly Source<F>[];
  private inUse: InUse<F> | undefined;
  private retry: Timer | undefined;
  private readonly turns = new Turns();
  private stopped = false;

  constructor(private readonly options: BestSourceOptions<F>) {
    const { sources, setting } = options;
    this.candidates = setting === 'auto' ? sources : sources.filter(({ name }) => name === setting);
  }

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
    const reasons: string[] = [];
    for (const source of this.candidates) {
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
    if (this.inUse.source !== this.candidates[0]) this.retryLater();
    return undefined;
  }

  private async open(
    source: Source<F>,
    reasons: readonly string[],
  ): Promise<InUse<F> | Unavailable> {
    const { host, lose, onFacts, setSource } = this.options;
    const life = { armed: false, ended: false, silent: false };
    const whyNotBetter = reasons.join(' ');
    let state = withReason({ source: source.name }, whyNotBetter);
    const opened = await source.open(host, {
      onFacts: (facts) => {
        if (!life.silent) onFacts(facts);
      },
      lose,
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
        life.silent = true;
      },
    };
  }

  private async replace(source: Source<F>, error: Error): Promise<void> {
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
