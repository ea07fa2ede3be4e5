/**
 * Counts hits with the same identity instead of reporting each.
 *
 * 1. Every hit is in exactly one aggregate or told by itself, and every aggregate is sealed exactly once: the HitCounts
 *    add up.
 * 2. All aggregates of one event name share a window; when it ends they are sealed and the next one begins there.
 * 3. An aggregate never mixes two known hashes of the executable: a replaced program opens a new aggregate. Hits whose
 *    hash could not be known are told beside it: within a mount namespace anything can go by the path of a known program.
 * 4. Hits in different containers are counted apart.
 * 5. An aggregate claims no more than each of its hits: what one of them does not know, it does not know.
 * 6. Entries and bytes are bounded; over the bound the oldest aggregate is sealed early, which loses nothing.
 * 7. Windows are measured on the monotonic clock. The wall clock only words them, and after a restart, when it is all
 *    there is, a clock that went back prolongs a window by at most one interval.
 */
import { randomUUID } from 'node:crypto';

import { clockIsSetAfterMs, type Clock, type Timer } from '../../../base/clock.js';
import type { EventDeclaration } from '../../../contract/declaration.js';
import { eventDeclarations, type Payload } from '../../../contract/events.js';
import type { Aggregate } from './aggregate.js';
import { detailsOfAll } from './details.js';
import { identityOf, type AggregatedName } from './identity.js';
import { Newcomers } from './newcomers.js';

export interface AggregationOptions {
  readonly clock: Clock;
  readonly maxEntries: number;
  /** Estimated bytes of memory of all open aggregates. */
  readonly maxBytes: number;
  readonly onOpened: (aggregate: Aggregate) => void;
  /** Gives the aggregate, the end of its window (wall clock, ms), and the bytes of memory that it counted for. */
  readonly onSealed: (aggregate: Aggregate, endMs: number, sizeBytes: number) => void;
  readonly newId?: () => string;
  /** Of new identities at once; those of `Newcomers` when absent. */
  readonly burst?: number;
}

interface Window {
  startMonotonicMs: number;
  startWallMs: number;
  intervalMs: number | undefined;
  timer: Timer | undefined;
}

interface Row {
  readonly aggregate: Aggregate;
  sizeBytes: number;
}

/** What an entry costs beside its texts: objects, map slots and numbers, measured roughly on 64 bits. */
const entryOverheadBytes = 600;

export class AggregationTable {
  /** By identity, in the order of opening. */
  private readonly rows = new Map<string, Row>();
  private readonly windows = new Map<AggregatedName, Window>();
  private sizeBytes = 0;
  private early = 0;

  private readonly newcomers: Newcomers;

  constructor(private readonly options: AggregationOptions) {
    this.newcomers = new Newcomers(options.clock, options.burst);
  }

  /** How many aggregates were sealed before their window ended because the table was full. */
  get earlySeals(): number {
    return this.early;
  }

  get entries(): number {
    return this.rows.size;
  }

  /** Estimated bytes of memory. */
  get bytes(): number {
    return this.sizeBytes;
  }

  *open(): Generator<Aggregate> {
    for (const { aggregate } of this.rows.values()) yield aggregate;
  }

  /**
   * Counts one hit; `timeMs` is when it happened, wall clock. Call it after redacting and cutting.
   *
   * @returns false where it is not counted, to be told by itself: the first of its identity in a flood of others
   */
  add<N extends AggregatedName>(name: N, payload: Payload<N>, timeMs: number): boolean {
    const identity = identityOf(name, payload);
    const key = keyOf(name, identity, payload.ExtraDetails ?? {});
    const { Hash: hash = '', ...extraDetails } = payload.ExtraDetails ?? {};
    const window = this.window(name);
    const row = this.rows.get(key);
    if (row !== undefined && sameProgram(row.aggregate.hash, hash)) {
      this.count(key, row, hash, extraDetails, timeMs);
      return true;
    }
    if (row === undefined && this.newcomers.goesByItself(key)) return false;
    let startMs = window.startWallMs;
    if (row !== undefined) {
      startMs = this.options.clock.wallMs();
      this.seal(key, row, startMs);
    }
    const { newId = randomUUID } = this.options;
    const times = { startMs, hitCount: 1, firstSeenMs: timeMs, lastSeenMs: timeMs };
    const unhashedHits = hash === '' ? 1 : 0;
    this.insert(key, { id: newId(), name, identity, ...times, hash, unhashedHits, extraDetails });
    return true;
  }

  private count(
    key: string,
    row: Row,
    hash: string,
    extraDetails: Readonly<Record<string, string>>,
    timeMs: number,
  ): void {
    const { aggregate } = row;
    aggregate.hitCount++;
    aggregate.firstSeenMs = Math.min(aggregate.firstSeenMs, timeMs);
    aggregate.lastSeenMs = Math.max(aggregate.lastSeenMs, timeMs);
    if (hash === '') aggregate.unhashedHits++;
    else aggregate.hash = hash;
    const details = detailsOfAll(aggregate.name, aggregate.extraDetails, extraDetails);
    if (details === aggregate.extraDetails) return;
    aggregate.extraDetails = details;
    this.sizeBytes -= row.sizeBytes;
    row.sizeBytes = sizeOf(key, aggregate);
    this.sizeBytes += row.sizeBytes;
    this.keepBounds();
  }

  private insert(key: string, aggregate: Aggregate): void {
    const sizeBytes = sizeOf(key, aggregate);
    this.rows.set(key, { aggregate, sizeBytes });
    this.sizeBytes += sizeBytes;
    this.options.onOpened(aggregate);
    this.keepBounds();
  }

  private keepBounds(): void {
    const { maxEntries, maxBytes, clock } = this.options;
    for (const [key, row] of this.rows) {
      if (this.rows.size <= maxEntries && this.sizeBytes <= maxBytes) break;
      this.early++;
      this.seal(key, row, clock.wallMs());
    }
  }

  /**
   * Sets how long the windows of an event name are. Takes effect at once: a window that is already longer ends now.
   * Until it is called for the first time, windows do not end.
   */
  setInterval(name: AggregatedName, intervalMs: number): void {
    const window = this.window(name);
    window.intervalMs = Math.max(intervalMs, 1);
    this.arm(name, window, window.intervalMs);
  }

  private arm(name: AggregatedName, window: Window, intervalMs: number): void {
    window.timer?.cancel();
    const { clock } = this.options;
    const remainingMs = window.startMonotonicMs + intervalMs - clock.monotonicMs();
    if (remainingMs <= 0) this.sealAll(name);
    else window.timer = clock.after(remainingMs, () => this.sealAll(name));
  }

  /** Ends the window of one event name, or of all, now, and begins the next. */
  sealAll(name?: AggregatedName): void {
    const { clock } = this.options;
    const wallMs = clock.wallMs();
    for (const ended of name === undefined ? [...this.windows.keys()] : [name]) {
      for (const [key, row] of this.rows)
        if ((row.aggregate.name as string) === ended) this.seal(key, row, wallMs);
      const window = this.window(ended);
      window.startMonotonicMs = clock.monotonicMs();
      window.startWallMs = wallMs;
      if (window.intervalMs !== undefined) this.arm(ended, window, window.intervalMs);
    }
  }

  private seal(key: string, { aggregate, sizeBytes }: Row, endMs: number): void {
    this.rows.delete(key);
    this.sizeBytes -= sizeBytes;
    this.options.onSealed(aggregate, Math.max(endMs, aggregate.startMs), sizeBytes);
  }

  /**
   * Goes on with aggregates that were open when the agent last ran: same ids, counts and window. Call it before
   * `setInterval`, which then seals at once what is overdue.
   */
  restore(aggregates: readonly Aggregate[]): void {
    const { clock } = this.options;
    for (const aggregate of aggregates) {
      const key = keyOf(aggregate.name, aggregate.identity, aggregate.extraDetails);
      const older = this.rows.get(key);
      if (older !== undefined) this.seal(key, older, clock.wallMs());
      const window = this.window(aggregate.name);
      if (aggregate.startMs < window.startWallMs) {
        window.startMonotonicMs -= window.startWallMs - aggregate.startMs;
        window.startWallMs = aggregate.startMs;
      }
      this.insert(key, aggregate);
    }
  }

  /** The clock, which had not been set, was: what was seen before gets its true time. */
  clockSet(byMs: number): void {
    const corrected = (timeMs: number): number =>
      timeMs < clockIsSetAfterMs ? timeMs + byMs : timeMs;
    for (const { aggregate } of this.rows.values()) {
      if (aggregate.startMs >= clockIsSetAfterMs) continue;
      aggregate.timeCorrectedFromMs = aggregate.startMs;
      aggregate.startMs = corrected(aggregate.startMs);
      aggregate.firstSeenMs = corrected(aggregate.firstSeenMs);
      aggregate.lastSeenMs = corrected(aggregate.lastSeenMs);
    }
    for (const window of this.windows.values()) window.startWallMs = corrected(window.startWallMs);
  }

  /** Cancels the timers; open aggregates stay open, to be restored by the next run. */
  stop(): void {
    for (const window of this.windows.values()) window.timer?.cancel();
  }

  private window(name: AggregatedName): Window {
    let window = this.windows.get(name);
    if (window === undefined) {
      const { clock } = this.options;
      const [startMonotonicMs, startWallMs] = [clock.monotonicMs(), clock.wallMs()];
      window = { startMonotonicMs, startWallMs, intervalMs: undefined, timer: undefined };
      this.windows.set(name, window);
    }
    return window;
  }
}

/** An unknown hash is no evidence of another program. */
function sameProgram(known: string, hash: string): boolean {
  return known === '' || hash === '' || known === hash;
}

/** Estimated bytes of memory of an aggregate and its key. */
function sizeOf(key: string, { extraDetails }: Aggregate): number {
  const texts = Object.entries(extraDetails).flat();
  return entryOverheadBytes + 2 * texts.reduce((sum, text) => sum + text.length, 2 * key.length);
}

/** The fields stand in the order in which `identityOf` writes them, so equal identities have equal text. */
function keyOf(
  name: AggregatedName,
  identity: Payload<AggregatedName>,
  details: Readonly<Record<string, string>>,
): string {
  const { distinguishing = [] }: EventDeclaration = eventDeclarations[name];
  return JSON.stringify([name, identity, ...distinguishing.map((key) => details[key])]);
}
