import type { Clock, Timer } from '../../base/clock.js';
import type { Log } from '../../base/log.js';
import type { LossCause } from '../../base/loss.js';
import { droppedCauses, type LossCounts, type LossLedger } from './losses.js';

const intervalMs = 60_000;
const ownLoss: LossCause = 'logRefused';

/**
 * Tells the operator what was lost: one line for a minute in which something was, however much it was, and none for
 * the others.
 */
export class LossSummary {
  private told: Readonly<Record<string, LossCounts>> = {};
  private timer: Timer | undefined;

  constructor(
    private readonly losses: Pick<LossLedger, 'snapshot'>,
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  /** @param told what an earlier run lost, and has told itself */
  start(told: Readonly<Record<string, LossCounts>>): void {
    this.told = told;
    this.changed();
  }

  changed(): void {
    this.timer ??= this.clock.after(intervalMs, () => {
      this.timer = undefined;
      this.tell();
    });
  }

  /** Tells what is not told yet. */
  stop(): void {
    this.timer?.cancel();
    if (this.timer !== undefined) this.tell();
    this.timer = undefined;
  }

  private tell(): void {
    const now = this.losses.snapshot();
    const parts: string[] = [];
    let wholeEvents = false;
    for (const [component, counts] of Object.entries(now))
      for (const [cause, total] of Object.entries(counts)) {
        const count = total - (this.told[component]?.[cause as keyof LossCounts] ?? 0);
        // The log tells its own gaps; a line about each line that it refuses would be refused for ever.
        if (count <= 0 || cause === ownLoss) continue;
        parts.push(`${component} ${cause} ${count}`);
        wholeEvents ||= (droppedCauses as readonly string[]).includes(cause);
      }
    this.told = now;
    if (parts.length === 0) return;
    const sentence = `Lost or reported incompletely within the last minute: ${parts.join(', ')}.`;
    this.log[wholeEvents ? 'warn' : 'info'](sentence);
  }
}
