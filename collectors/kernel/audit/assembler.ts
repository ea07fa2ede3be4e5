import type { AuditEvent, AuditRecord } from './event.js';
import { auditTypes } from './event.js';

/**
 * Gathers the records of each event, which come interleaved with those of others.
 *
 * 1. A record belongs to exactly one emitted event, and an event is emitted once; a record that comes after its event
 *    was given up begins another, incomplete one.
 * 2. An event is complete at its end record (EOE, or PROCTITLE, which is the last before it), and at once when its
 *    type is never followed by others.
 * 3. Nothing waits longer than `patienceMs` after its last record, and what waits is bounded in events and in
 *    characters: beyond that the one that has not gone on for longest is emitted early, as incomplete, and counted.
 * 4. An end record of an event that began after the first one seen, and of which nothing else came, is told as a bare end:
 *    everything that it ended was lost.
 */
export class EventAssembler {
  private readonly pending = new Map<string, Pending>();
  private pendingCharacters = 0;
  /** Events that were emitted before their end record, the latest only. */
  private readonly unended = new Set<string>();
  private firstSerial: number | undefined;

  constructor(
    private readonly onEvent: (event: AuditEvent) => void,
    private readonly onOverflow: () => void,
    private readonly bounds = { events: 4096, characters: 16 * 1024 * 1024 },
    private readonly onBareEnd: () => void = () => undefined,
  ) {}

  push(record: AuditRecord, nowMs: number): void {
    const open = this.pending.get(record.id);
    if (record.type === auditTypes.endOfEvent) {
      if (open !== undefined) this.emit(record.id, open, true);
      else if (!this.unended.has(record.id) && record.serial > (this.firstSerial ?? Infinity)) {
        this.onBareEnd();
      }
      this.unended.delete(record.id);
      return;
    }
    this.firstSerial ??= record.serial;
    if (open === undefined && standsAlone(record.type)) {
      this.expectEnd(record.id);
      this.onEvent({ ...identity(record), records: [record], complete: true });
      return;
    }
    const event = open ?? { records: [], characters: 0, sinceMs: nowMs };
    event.records.push(record);
    event.characters += record.body.length;
    event.sinceMs = nowMs;
    this.pendingCharacters += record.body.length;
    // To the end: first comes what has not gone on for longest.
    if (open !== undefined) this.pending.delete(record.id);
    this.pending.set(record.id, event);
    if (record.type === auditTypes.proctitle) {
      this.emit(record.id, event, true);
      return;
    }
    while (
      this.pending.size > this.bounds.events ||
      this.pendingCharacters > this.bounds.characters
    ) {
      this.emitOldest();
      this.onOverflow();
    }
  }

  /**
   * Emits the events that have not gone on for too long, and returns in how many milliseconds to call again, if at all.
   * To be called when everything that came by `nowMs` was pushed: a record that waits to be read is none that is late.
   */
  expire(nowMs: number): number | undefined {
    for (const [id, event] of this.pending) {
      const remainingMs = event.sinceMs + patienceMs - nowMs;
      if (remainingMs > 0) return remainingMs;
      this.emit(id, event, false);
    }
    return undefined;
  }

  /** Emits everything that waits, for the end of the stream. */
  flush(): void {
    while (this.pending.size > 0) this.emitOldest();
  }

  get waiting(): boolean {
    return this.pending.size > 0;
  }

  private emitOldest(): void {
    for (const [id, event] of this.pending) {
      this.emit(id, event, false);
      return;
    }
  }

  private emit(id: string, event: Pending, complete: boolean): void {
    this.pending.delete(id);
    this.expectEnd(id);
    this.pendingCharacters -= event.characters;
    const [first] = event.records;
    if (first === undefined) return;
    this.onEvent({ ...identity(first), records: event.records, complete });
  }

  private expectEnd(id: string): void {
    this.unended.add(id);
    for (const oldest of this.unended) {
      if (this.unended.size <= this.bounds.events) return;
      this.unended.delete(oldest);
    }
  }
}

interface Pending {
  readonly records: AuditRecord[];
  characters: number;
  /** When its last record came. */
  sinceMs: number;
}

const patienceMs = 2000;

function identity({
  id,
  serial,
  timeMs,
}: AuditRecord): Pick<AuditEvent, 'id' | 'serial' | 'timeMs'> {
  return { id, serial, timeMs };
}

/** Records of user space come alone; those of the kernel from 1300 on belong to events of several. */
export function standsAlone(type: number): boolean {
  return (
    type < auditTypes.syscall ||
    (type >= auditTypes.secondUser && type <= auditTypes.lastSecondUser)
  );
}
