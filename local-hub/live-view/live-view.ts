import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import { brief, sentenceOf, shown } from '../../contract/sentences.js';
import type { ConnectionEvent, TwinChange } from '../hub/local-hub.js';
import { unitBytes, type ReceivedMessage } from '../hub/received-message.js';
import type { TwinView } from '../hub/twin-service.js';
import { foldedLines, type Told } from './folding.js';
import { layOut, type ViewLine } from './layout.js';
import { Snapshots } from './snapshots.js';
import { TwinChanges } from './twin-changes.js';

interface LiveViewOptions {
  /** Columns of the terminal; undefined where the lines go elsewhere. Asked at each line, for windows change. */
  readonly columns?: () => number | undefined;
  /** Milliseconds of a clock that goes on. */
  readonly monotonicMs?: () => number;
}

/** What is known of one module, to show only what changes. */
interface Device {
  readonly snapshots: Snapshots;
  readonly twin: TwinChanges;
}

interface Who {
  readonly deviceId: string;
  readonly moduleId?: string | undefined;
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];
}

function timeOf(value: JsonValue | undefined): Date {
  return new Date(typeof value === 'string' ? value : NaN);
}

/** When it happened: of an aggregate the first time, for its event has the time at which the counting ended. */
function happenedAt(payload: JsonObject, eventTime: Date): Date {
  const { ExtraDetails: details } = payload;
  const first = timeOf(isJsonObject(details) ? details['FirstSeenUtc'] : undefined);
  return Number.isNaN(first.getTime()) ? eventTime : first;
}

/** What the hub saw, as lines for people. Whatever strangers wrote stays on its line and moves no cursor. */
export class LiveView {
  readonly #columns: () => number | undefined;
  readonly #monotonicMs: () => number;
  readonly #devices = new Map<string, Device>();

  constructor({ columns = () => undefined, monotonicMs }: LiveViewOptions = {}) {
    this.#columns = columns;
    this.#monotonicMs = monotonicMs ?? (() => performance.now());
  }

  /** Lines for what happened, in the order of time, then one for the message itself. */
  message(message: ReceivedMessage): readonly string[] {
    const { json, sizeBytes, properties, problems, receivedAt } = message;
    const events = isJsonObject(json) ? objects(json['Events']) : [];
    const { snapshots } = this.#device(message);
    const told: Told[] = [];
    const lines: ViewLine[] = [];
    for (const event of events) {
      const subject = shown(event['Name']);
      const time = timeOf(event['TimestampUTC']);
      const payloads = objects(event['Payload']);
      const sentences = payloads.map((payload) => sentenceOf(subject, payload));
      if (subject === 'ListeningPorts') {
        const timestamp = shown(event['TimestampUTC']);
        lines.push(...snapshots.linesOf({ subject, timestamp, time, sentences }));
      } else if (payloads.length === 0) {
        lines.push({ time, subject, text: '(looked, and found nothing)' });
      } else {
        sentences.forEach((sentence, index) =>
          told.push({ subject, sentence, time: happenedAt(payloads[index] ?? {}, time) }),
        );
      }
    }
    const units = Math.max(1, Math.ceil(sizeBytes / unitBytes));
    const verdict =
      problems.length === 0
        ? 'valid'
        : `INVALID: ${problems.map((problem) => brief(problem)).join('; ')}`;
    const summary = [
      `${events.length} ${events.length === 1 ? 'event' : 'events'}`,
      `${sizeBytes} bytes = ${units} × 4 KB`,
      `priority ${brief(properties['MessagePriority'] ?? 'not given')}`,
      verdict,
    ].join(', ');
    return this.#laidOut([
      ...lines,
      ...foldedLines(told),
      { time: receivedAt, subject: '  message', text: summary, wrap: problems.length > 0 },
    ]);
  }

  connection(event: ConnectionEvent): readonly string[] {
    const who = brief(`${event.deviceId}/${event.moduleId ?? ''}`.replace(/\/$/, ''));
    const code = event.code === undefined ? '' : ` with code ${event.code}`;
    const text = `${who} ${event.kind}${code}: ${brief(event.reason)}`;
    return this.#laidOut([{ time: new Date(), subject: '  connection', text, wrap: true }]);
  }

  /** A request to a service beside the connections of devices, such as the registry. */
  call(service: string, text: string): readonly string[] {
    return this.#laidOut([
      { time: new Date(), subject: `  ${service}`, text: brief(text), wrap: true },
    ]);
  }

  /** What changed in what the device reports, or in what is desired of it; nothing when that is not worth a line. */
  twin(change: TwinChange, twin: TwinView): readonly string[] {
    const contents = this.#device(change).twin.linesOf(change, twin);
    return this.#laidOut(contents.map((content) => ({ ...content, time: new Date() })));
  }

  /** The same for an agent that stops: that its collectors are off one after the other is no news then. */
  twinOfStopping(change: TwinChange, twin: TwinView): void {
    this.#device(change).twin.noteLosses(twin);
  }

  /** What was lost and is not told yet, for the end. */
  untoldLosses(): readonly string[] {
    const contents = [...this.#devices.values()].flatMap(({ twin }) => twin.untoldLosses());
    return this.#laidOut(contents.map((content) => ({ ...content, time: new Date() })));
  }

  #device({ deviceId, moduleId = '' }: Who): Device {
    const key = JSON.stringify([deviceId, moduleId]);
    const known = this.#devices.get(key);
    if (known !== undefined) return known;
    const device = { snapshots: new Snapshots(), twin: new TwinChanges(this.#monotonicMs) };
    this.#devices.set(key, device);
    return device;
  }

  #laidOut(lines: readonly ViewLine[]): readonly string[] {
    return lines.flatMap((line) => layOut(line, this.#columns()));
  }
}
