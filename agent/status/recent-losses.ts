import type { Clock, Timer } from '../../base/clock.js';
import type { LossCounts, LossLedger } from '../accounting/losses.js';

const hourMs = 3_600_000;
const stepMs = 300_000;

/** What was lost within about the last hour: between 60 and 65 minutes, or since the start. */
export class RecentLosses {
  private readonly samples: { readonly atMs: number; readonly totals: Totals }[] = [];
  private timer: Timer | undefined;

  constructor(
    private readonly losses: Pick<LossLedger, 'snapshot'>,
    private readonly clock: Clock,
  ) {}

  /** Losses before this do not count. */
  start(): void {
    this.samples.push({ atMs: this.clock.monotonicMs(), totals: this.losses.snapshot() });
    // The second oldest may be the one that the hour begins with; all before it are not needed any more.
    while ((this.samples[1]?.atMs ?? Infinity) <= this.clock.monotonicMs() - hourMs) {
      this.samples.shift();
    }
    this.timer = this.clock.after(stepMs, () => this.start());
  }

  stop(): void {
    this.timer?.cancel();
  }

  of(component: string, cause: keyof LossCounts, total: number): number {
    return Math.max(0, total - (this.samples[0]?.totals[component]?.[cause] ?? 0));
  }
}

type Totals = Readonly<Record<string, LossCounts>>;
