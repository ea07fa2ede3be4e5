/**
 * The last stop before the spool: makes events of payloads and journals them.
 *
 * 1. A payload of a High event is journaled in the same turn of the event loop; others within half a second.
 * 2. Payloads of one triggered event name that wait for the same queue share an event, which saves its frame; an event
 *    keeps its id from here on.
 * 3. No event is larger than what a message can carry, and none grows so large that a torn record costs much.
 * 4. What waits here takes at most `waitingLimitBytes`, of which Low leaves `reservedBytes` to the others; what comes
 *    beyond is dropped and counted, and nobody waits. A snapshot and a table of aggregates are written at the pace of
 *    the disk.
 * 5. A snapshot is one event with one id and one time as long as the hub takes it in a message, for its readers take the
 *    newest event of a name as the whole truth. A larger one becomes several, whose payloads say which part they are of.
 */
import { idOfParts } from '../../base/id-of-parts.js';
import type { Clock, Timer } from '../../base/clock.js';
import { utcText } from '../../base/timestamps.js';
import { alertMark, alertSeverities, type AlertSeverity } from '../../contract/common-details.js';
import { events, type EventName, type Payload } from '../../contract/events.js';
import type { SentPriority } from '../../contract/priority.js';
import type { LossLedger } from '../accounting/losses.js';
import { queueOfPriority, type QueueName, type Spool } from '../spool/spool.js';
import type { SealedAggregate } from './aggregation/aggregate.js';
import { eventFrameBytes, securityEvent, type EventParts } from './event.js';
import { partBytes, split, timeBytes, type Waiting, withDetails } from './event-parts.js';
import { fitPayload, jsonSizeBytes } from './fitting.js';

const groupDelayMs = 500;
const groupLimitBytes = 16_384;
const waitingLimitBytes = 4_194_304;
/** Of these, what no flood of other events can take from High ones. */
const reservedBytes = 1_048_576;
interface Group {
  readonly queue: QueueName;
  readonly name: EventName;
  readonly items: Waiting[];
}

interface OutboxOptions {
  readonly spool: Pick<Spool, 'append'>;
  readonly clock: Clock;
  readonly losses: LossLedger;
  /** Largest JSON of one event that fits into a message at present. */
  readonly maxEventBytes: () => number;
  /** The same for a snapshot, which is one event as long as any message can carry it. */
  readonly maxSnapshotBytes: () => number;
  readonly aggregatedCategory: 'Triggered' | 'Aggregated';
  /** What to say of something that happened before the clock was set. */
  readonly markTime: (timeMs: number) => Readonly<Record<string, string>> | undefined;
  /** An alert waits in the spool; of several the gravest is told. */
  readonly onAlert?: (severity: AlertSeverity) => void;
}

const alertMember = `"${alertMark}":`;

export class Outbox {
  private readonly groups = new Map<string, Group>();
  private readonly appends = new Set<Promise<unknown>>();
  private readonly collected: Record<QueueName, number> = { high: 0, low: 0, operational: 0 };
  private waitingBytes = 0;
  private timer: Timer | undefined;
  private urgent: NodeJS.Immediate | undefined;

  constructor(private readonly options: OutboxOptions) {}

  /** Payloads offered to each queue so far. */
  get collectedEvents(): Readonly<Record<QueueName, number>> {
    return this.collected;
  }

  /** Takes one payload of a triggered event. */
  add(queue: QueueName, name: EventName, payload: Payload, timeMs: number): void {
    this.collected[queue]++;
    const item = this.accept(queue, name, payload, timeMs);
    if (item === undefined) return;
    const key = `${queue} ${name}`;
    const group = this.groups.get(key) ?? { queue, name, items: [] };
    this.groups.set(key, group);
    group.items.push(item);
    if (queue === 'high') this.urgent ??= setImmediate(() => this.writeHigh());
    else this.timer ??= this.options.clock.after(groupDelayMs, () => this.writeAll());
  }

  /**
   * Takes the answer of a snapshot, which may be empty; one too large for an event becomes several. Resolves when all of
   * it is handed to the spool: the parts of a large one at the pace of the disk, so that it takes no room from others.
   */
  async addSnapshot(
    queue: QueueName,
    name: EventName,
    payloads: readonly Payload[],
    timeMs: number,
  ): Promise<void> {
    if (payloads.length === 0) {
      this.collected[queue]++;
      this.write(queue, { name, payloads, timeMs }, 1, this.options.markTime(timeMs));
      return;
    }
    const roomBytes = this.options.maxSnapshotBytes() - eventFrameBytes[name];
    const items = payloads.flatMap(
      (payload) => this.fit(queue, name, payload, timeMs, roomBytes) ?? [],
    );
    const wholeBytes = items.reduce((sum, { sizeBytes }) => sum + sizeBytes + 1, 0);
    const parts =
      wholeBytes <= roomBytes && items.length > 0
        ? [items]
        : [...split(items, roomBytes, partBytes)];
    this.collected[queue] += Math.max(1, parts.length);
    for (const [index, part] of parts.entries()) {
      const numbered = part.map(({ payload }) =>
        parts.length === 1
          ? payload
          : withDetails(payload, { Part: String(index + 1), Parts: String(parts.length) }),
      );
      if (this.waitingBytes > waitingLimitBytes / 2) await Promise.all(this.appends);
      this.write(queue, { name, payloads: numbered, timeMs }, 1);
    }
  }

  /** Takes closed aggregates of one event name; resolves when each is on disk or counted as lost. */
  async addSealed(
    queue: QueueName,
    name: EventName,
    sealed: readonly SealedAggregate[],
  ): Promise<void> {
    this.collected[queue] += sealed.length;
    for (const part of split(
      this.acceptSealed(queue, sealed),
      this.groupRoomBytes(name),
      timeBytes,
    )) {
      const payloads = part.map(({ payload }) => payload);
      const partIds = part.flatMap(({ partId }) => partId ?? []);
      this.write(queue, {
        name,
        payloads,
        timeMs: Math.max(...part.map(({ timeMs }) => timeMs)),
        // What they say belongs to it: after a crash one that was sent may be found open, and count on.
        id: idOfParts([...partIds, JSON.stringify(payloads)]),
        ...(this.options.aggregatedCategory === 'Aggregated' ? { category: 'Aggregated' } : {}),
      });
      this.release(part);
      // A large table is written at the pace of the disk, not dropped for want of room.
      if (this.waitingBytes > waitingLimitBytes / 2) await Promise.all(this.appends);
    }
    await Promise.all(this.appends);
  }

  /** Journals everything that waits; resolves when it is on disk or counted as lost. */
  async flush(): Promise<void> {
    this.writeAll();
    await Promise.all(this.appends);
  }

  private accept(
    queue: QueueName,
    name: EventName,
    payload: Payload,
    timeMs: number,
    partId?: string,
  ): Waiting | undefined {
    const item = this.fit(queue, name, payload, timeMs, this.eventRoomBytes(name));
    if (item === undefined) return undefined;
    const limitBytes = waitingLimitBytes - (queue === 'low' ? reservedBytes : 0);
    // In an event with others it takes more room, which must not be that of High.
    const takenBytes = item.sizeBytes + timeBytes;
    if (this.waitingBytes + takenBytes > limitBytes) {
      this.options.losses.count(queue, 'pipelineOverflow', 1);
      return undefined;
    }
    this.waitingBytes += takenBytes;
    return { ...item, ...(partId === undefined ? {} : { partId }) };
  }

  /** The payload with the mark of its time, cut where no event could hold it; undefined when it still does not fit. */
  private fit(
    queue: QueueName,
    name: EventName,
    payload: Payload,
    timeMs: number,
    roomBytes: number,
  ): Waiting | undefined {
    const { losses, markTime } = this.options;
    const mark = markTime(timeMs);
    if (mark !== undefined) payload.ExtraDetails = { ...payload.ExtraDetails, ...mark };
    let sizeBytes = jsonSizeBytes(payload);
    if (sizeBytes > roomBytes) {
      payload.ExtraDetails = { ...payload.ExtraDetails, Truncated: 'true' };
      if (!fitPayload(payload, roomBytes).fits) {
        losses.count(queue, 'invalidEvent', 1);
        return undefined;
      }
      losses.count(name, 'commandLineCut', 1);
      sizeBytes = jsonSizeBytes(payload);
    }
    return { payload, timeMs, sizeBytes };
  }

  private *acceptSealed(
    queue: QueueName,
    aggregates: readonly SealedAggregate[],
  ): Generator<Waiting> {
    for (const { name, payload, endMs, id } of aggregates) {
      const item = this.accept(queue, name, payload, endMs, id);
      if (item !== undefined) yield item;
    }
  }

  /** What the payloads of one event of this name may have together. */
  private eventRoomBytes(name: EventName): number {
    return this.options.maxEventBytes() - eventFrameBytes[name];
  }

  private groupRoomBytes(name: EventName): number {
    return Math.min(groupLimitBytes, this.eventRoomBytes(name));
  }

  private writeHigh(): void {
    this.urgent = undefined;
    this.writeGroups(({ queue }) => queue === 'high');
  }

  private writeAll(): void {
    this.timer?.cancel();
    this.timer = undefined;
    clearImmediate(this.urgent);
    this.urgent = undefined;
    this.writeGroups(() => true);
  }

  private writeGroups(wanted: (group: Group) => boolean): void {
    const groups = [...this.groups].filter(([, group]) => wanted(group));
    for (const [key] of groups) this.groups.delete(key);
    for (const [, { queue, name, items }] of groups) {
      for (const part of split(items, this.groupRoomBytes(name), timeBytes)) {
        const payloads = part.map(({ payload, timeMs }) =>
          part.length === 1 ? payload : withDetails(payload, { TimestampUTC: utcText(timeMs) }),
        );
        this.write(queue, { name, payloads, timeMs: part[0]?.timeMs ?? 0 });
        this.release(part);
      }
    }
  }

  private release(items: readonly Waiting[]): void {
    for (const { sizeBytes } of items) this.waitingBytes -= sizeBytes + timeBytes;
  }

  /**
   * @param count as which the event was collected: a snapshot is one, however much it holds
   * @param mark of an event without payloads, where it would stand otherwise; not sent
   */
  private write(
    queue: QueueName,
    parts: EventParts,
    count = parts.payloads.length,
    mark?: Readonly<Record<string, string>>,
  ): void {
    const json = JSON.stringify({ ...securityEvent(parts), ...mark });
    this.waitingBytes += json.length;
    const append: Promise<unknown> = this.options.spool.append(queue, json, count).finally(() => {
      this.waitingBytes -= json.length;
      this.appends.delete(append);
      if (queue === 'high' && json.includes(alertMember)) this.tellAlert(json);
    });
    this.appends.add(append);
  }

  private tellAlert(json: string): void {
    const gravest = alertSeverities.find((one) => json.includes(`"AlertSeverity":"${one}"`));
    this.options.onAlert?.(gravest ?? 'Low');
  }
}

/** The queue of an event with this priority. */
export function queueOf(name: EventName, priority: SentPriority): QueueName {
  if (events[name].type === 'Operational') return 'operational';
  return queueOfPriority[priority];
}
