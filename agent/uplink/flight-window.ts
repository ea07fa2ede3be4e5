import type { SentPriority } from '../../contract/priority.js';
import type { Batch } from './batch.js';

/** A message on its way. */
export interface Flight {
  readonly priority: SentPriority;
  readonly batch: Batch;
}

type Fate = 'open' | 'acknowledged' | 'failed';

/**
 * The messages in flight, in the order in which they were sent. A batch is only given back for forgetting when all
 * before it are acknowledged; after a failure nothing may be added until every message of the window is settled.
 */
export class FlightWindow {
  private readonly fates = new Map<Flight, Fate>();

  get count(): number {
    return this.fates.size;
  }

  /** Of all messages in flight, in bytes. */
  get sizeBytes(): number {
    return [...this.fates.keys()].reduce((sum, { batch }) => sum + batch.sizeBytes, 0);
  }

  /** Of the oldest message in flight, in bytes; undefined when there is none. */
  get oldestBytes(): number | undefined {
    for (const { batch } of this.fates.keys()) return batch.sizeBytes;
    return undefined;
  }

  get broken(): boolean {
    return [...this.fates.values()].includes('failed');
  }

  add(flight: Flight): void {
    this.fates.set(flight, 'open');
  }

  /** @returns the batches that may be forgotten now, oldest first */
  acknowledged(flight: Flight): readonly Batch[] {
    if (!this.fates.has(flight)) return [];
    this.fates.set(flight, 'acknowledged');
    const forgettable: Batch[] = [];
    for (const [first, fate] of this.fates) {
      if (fate !== 'acknowledged') break;
      this.fates.delete(first);
      forgettable.push(first.batch);
    }
    return forgettable;
  }

  failed(flight: Flight): void {
    if (this.fates.has(flight)) this.fates.set(flight, 'failed');
  }

  /**
   * Empties the window after a failure, as soon as nothing in it is open any more.
   * @returns the priorities that have to be sent again, or undefined when it is too early or nothing failed
   */
  collapse(): ReadonlySet<SentPriority> | undefined {
    const fates = [...this.fates.values()];
    if (!fates.includes('failed') || fates.includes('open')) return undefined;
    const priorities = new Set([...this.fates.keys()].map(({ priority }) => priority));
    this.fates.clear();
    return priorities;
  }
}
