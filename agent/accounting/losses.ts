import { lossCauses, type LossCause } from '../../base/loss.js';

/** Losses of whole events; the others say that something was reported incompletely or may have been missed. */
export const droppedCauses: readonly LossCause[] = [
  'invalidEvent',
  'pipelineOverflow',
  'spoolFull',
  'spoolCorrupt',
  'spoolWriteFailed',
];

export type LossCounts = Partial<Record<LossCause, number>>;

/**
 * Every loss, by the component that had it and by its cause. Totals only grow; they are stored so that a restart
 * does not make a loss disappear before the hub has heard of it.
 */
export class LossLedger {
  private readonly totals = new Map<string, LossCounts>();
  private listener: (cause: LossCause) => void = () => undefined;

  /** @param component a collector's event name, or `high`, `low`, `operational` for the queues of the spool */
  count(component: string, cause: LossCause, count: number): void {
    if (!(count > 0)) return;
    const counts = this.totals.get(component) ?? {};
    counts[cause] = Math.min(Number.MAX_SAFE_INTEGER, (counts[cause] ?? 0) + count);
    this.totals.set(component, counts);
    this.listener(cause);
  }

  onChange(listener: (cause: LossCause) => void): void {
    this.listener = listener;
  }

  of(component: string): LossCounts {
    return { ...this.totals.get(component) };
  }

  snapshot(): Record<string, LossCounts> {
    return Object.fromEntries([...this.totals].map(([name, counts]) => [name, { ...counts }]));
  }

  /** Takes what was stored; names that no version of the agent wrote would not get through the twin, and are left out. */
  restore(snapshot: Readonly<Record<string, LossCounts>>): void {
    for (const [component, counts] of Object.entries(snapshot)) {
      if (!/^[A-Za-z]{1,40}$/.test(component)) continue;
      for (const [cause, count] of Object.entries(counts)) {
        if (Object.hasOwn(lossCauses, cause)) this.count(component, cause as LossCause, count);
      }
    }
  }
}
