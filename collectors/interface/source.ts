import type { ReportLoss } from '../../base/loss.js';
import type { Unavailable } from '../../base/unavailable.js';
import type { SourceState } from '../kernel/source-state.js';
import type { Host } from './host.js';

/** One of several ways in which a collector can learn its facts `F`; `BestSource` keeps the best of them in use. */
export interface Source<F> {
  /** As the setting names it that chooses a source; its state may say more exactly what is in use. */
  readonly name: string;
  /**
   * Resolves when it is armed: every fact from then on is told, as far as the source can see it. What the opening changed
   * is undone when it resolves with the reason why the source cannot be had.
   */
  open(host: Host, told: Told<F>): Promise<OpenSource | Unavailable>;
}

/** Where a source tells what it has to tell. */
export interface Told<F> {
  /** Also called before the source is armed and while it ends. */
  readonly onFacts: (facts: F) => void;
  readonly lose: ReportLoss;
  readonly onState: (state: SourceState) => void;
  /** The source ended for good; it must be ended all the same. */
  readonly onFailed: (error: Error) => void;
}

export interface OpenSource {
  /** What was seen before is told by the time it resolves; what comes later is ignored. */
  end(): Promise<void>;
}
