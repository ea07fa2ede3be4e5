import { clockIsSetAfterMs } from '../../base/clock.js';
import { localText, utcText } from '../../base/timestamps.js';
import { aggregateDetails } from '../../contract/common-details.js';
import type { Payload } from '../../contract/events.js';
import type { StoredEvent } from '../spool/spool.js';

/*
 * A device without a battery for its clock believes that it is 1970 until the network tells it better.
 *
 * 1. What is journaled before the clock is set says so (`ClockNotSet`), with the boot and how far the clock was from the
 *    time since boot; so its true time can be told from that since boot as soon as the clock is right.
 * 2. What is sent carries its true time and says that it was corrected; what cannot be corrected, because it is of an
 *    earlier boot, goes on saying that its time is not to be trusted. An answer that found nothing has no place for that in
 *    what is sent: it is marked where it is journaled, and its year alone tells that it could not be corrected.
 * 3. The same event is corrected by the same amount each time, also by the next run, so that sending it again sends the
 *    same: by whole seconds, because nothing that is measured twice is equal to the millisecond.
 */

interface UnsetClockOptions {
  readonly wallMs: () => number;
  /** Milliseconds since boot, those of sleep included. */
  readonly uptimeMs: () => number;
  /** The wall clock at the boot, as the kernel tells it now: the same for every run until the clock is set again. */
  readonly bootTimeMs: () => number | undefined;
  /** Names the present boot; empty when it is not known. */
  readonly bootId: string;
}

interface Frame {
  readonly TimestampUTC: string;
  readonly TimestampLocal: string;
  readonly Payload: readonly Payload[];
}

/** What `mark` gives, and what an event without payloads is journaled with. */
interface TimeMark extends Readonly<Record<string, string>> {
  readonly ClockNotSet: string;
}

/** The members of `ExtraDetails` that hold a time. */
const timeDetails = new Set([
  'TimestampUTC',
  ...Object.keys(aggregateDetails).filter((name) => name !== 'HitCount'),
]);

/** Marks what happened before the clock was set, and corrects its times once it is. */
export class UnsetClock {
  private offsetMs: number | undefined;
  private trueOffsetMs: number | undefined;

  constructor(private readonly options: UnsetClockOptions) {}

  /** What to add to the details of something that happened then; undefined when the clock was set. */
  mark(timeMs: number): TimeMark | undefined {
    if (timeMs >= clockIsSetAfterMs) return undefined;
    if (!this.isSet()) this.offsetMs = this.offset();
    const { offsetMs, options } = this;
    const known = offsetMs === undefined || options.bootId === '' ? [] : [options.bootId, offsetMs];
    return { ClockNotSet: ['true', ...known].join(' ') };
  }

  /** The event as it is to be sent now. */
  corrected(event: StoredEvent): StoredEvent {
    if (!event.json.includes('"ClockNotSet"')) return event;
    const { ClockNotSet, ...frame } = JSON.parse(event.json) as Frame & Partial<TimeMark>;
    const offsetMs = this.isSet() ? this.offsetOf(ClockNotSet ?? markOf(frame)) : undefined;
    if (offsetMs === undefined) return ClockNotSet === undefined ? event : holding(event, frame);
    this.trueOffsetMs ??= this.options.bootTimeMs() ?? this.offset();
    const byMs = this.trueOffsetMs - offsetMs;
    const { storedWallMs } = event;
    const late = storedWallMs >= clockIsSetAfterMs ? 0 : byMs;
    return { ...holding(event, shifted(frame, byMs)), storedWallMs: storedWallMs + late };
  }

  private isSet(): boolean {
    return this.options.wallMs() >= clockIsSetAfterMs;
  }

  private offset(): number {
    return Math.round(this.options.wallMs() - this.options.uptimeMs());
  }

  /** How far the clock was from the time since boot; undefined for an earlier boot. */
  private offsetOf(mark: string | undefined): number | undefined {
    const [, bootId, offset] = mark?.split(' ') ?? [];
    return bootId === this.options.bootId && offset !== undefined ? Number(offset) : undefined;
  }
}

function markOf({ Payload: [first] }: Frame): string | undefined {
  return first?.ExtraDetails?.['ClockNotSet'];
}

function holding(event: StoredEvent, frame: Frame): StoredEvent {
  const json = JSON.stringify(frame);
  return { ...event, json, sizeBytes: Buffer.byteLength(json) };
}

function shifted(frame: Frame, byMs: number): Frame {
  const recorded = frame.TimestampUTC;
  return {
    ...frame,
    TimestampUTC: moved(frame.TimestampUTC, byMs),
    TimestampLocal: moved(frame.TimestampLocal, byMs),
    Payload: frame.Payload.map((payload) => {
      const { ClockNotSet, ...details } = payload.ExtraDetails ?? {};
      if (ClockNotSet === undefined) return payload;
      const entries = Object.entries(details).map(([name, text]) => [
        name,
        timeDetails.has(name) ? moved(text, byMs) : text,
      ]);
      const ExtraDetails = Object.fromEntries(entries) as Record<string, string>;
      return { ...payload, ExtraDetails: { ...ExtraDetails, TimeCorrectedFrom: recorded } };
    }),
  };
}

/** A time before the clock was set, corrected; any other as it is. */
function moved(text: string, byMs: number): string {
  const timeMs = Date.parse(text);
  if (!(timeMs < clockIsSetAfterMs)) return text;
  return text.endsWith('Z') ? utcText(timeMs + byMs) : localText(timeMs + byMs);
}
