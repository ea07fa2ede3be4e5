import type { QueueName, QueueStats, StoredEvent } from '../../agent/spool/spool.js';
import type { Clock } from '../../base/clock.js';

/** What the uplink sees of a spool, in memory. */
export class MemorySpool {
  readonly stored: Record<QueueName, StoredEvent[]> = { high: [], low: [], operational: [] };
  private readonly heads: Record<QueueName, number> = { high: 0, low: 0, operational: 0 };
  private readonly next: Record<QueueName, number> = { high: 1, low: 1, operational: 1 };
  private readonly listeners: (() => void)[] = [];

  constructor(private readonly clock: Clock) {}

  append(queue: QueueName, json: string): void {
    const sequence = this.next[queue]++;
    const sizeBytes = Buffer.byteLength(json);
    this.stored[queue].push({
      queue,
      sequence,
      json,
      sizeBytes,
      storedWallMs: this.clock.wallMs(),
    });
    for (const listener of this.listeners) listener();
  }

  read(
    queue: QueueName,
    after: number,
    maxBytes: number,
    maxCount = Infinity,
  ): Promise<readonly StoredEvent[]> {
    const taken: StoredEvent[] = [];
    let bytes = 0;
    for (const event of this.stored[queue].filter(({ sequence }) => sequence > after)) {
      bytes += event.sizeBytes;
      if (taken.length > 0 && (bytes > maxBytes || taken.length >= maxCount)) break;
      taken.push(event);
    }
    return Promise.resolve(taken);
  }

  acknowledge(queue: QueueName, through: number): Promise<void> {
    this.heads[queue] = Math.max(this.heads[queue], through);
    this.stored[queue] = this.stored[queue].filter(({ sequence }) => sequence > through);
    return Promise.resolve();
  }

  stats(): Record<QueueName, QueueStats> {
    return { high: this.of('high'), low: this.of('low'), operational: this.of('operational') };
  }

  onAppended(listener: () => void): void {
    this.listeners.push(listener);
  }

  private of(queue: QueueName): QueueStats {
    const events = this.stored[queue];
    const bytes = events.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const [oldest] = events;
    return {
      events: events.length,
      bytes,
      diskBytes: bytes,
      headSequence: this.heads[queue],
      ...(oldest === undefined ? {} : { oldestWallMs: oldest.storedWallMs }),
    };
  }
}
