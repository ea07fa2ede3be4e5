import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import { utcText } from '../../base/timestamps.js';
import { alertMark } from '../../contract/common-details.js';
import { brief, sentenceOf, shown } from '../../contract/sentences.js';
import type { Remembered } from './reading.js';

/** From when to when, wall clock in milliseconds since the epoch; both ends belong to it. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

const fates: Readonly<Record<Remembered['fate'], string>> = {
  sent: 'sent',
  neverSent: 'never sent',
  waiting: 'waiting',
};
const fateColumns = 11;
const nameColumns = 18;

interface Moment {
  readonly timeMs: number;
  readonly event: Remembered;
  readonly payload: JsonObject;
}

/** What happened within a span, one line for each payload, the oldest first. Strangers' texts stay on their line. */
export function linesOf(events: readonly Remembered[], span: Span): string[] {
  return momentsOf(events)
    .filter(({ timeMs }) => isWithin(timeMs, span))
    .sort((one, other) => one.timeMs - other.timeMs)
    .map(line);
}

/** The events of which something happened within a span, in their order. */
export function within(events: readonly Remembered[], span: Span): readonly Remembered[] {
  return events.filter((event) => momentsOf([event]).some(({ timeMs }) => isWithin(timeMs, span)));
}

/** An event of several payloads says of each when it happened. */
function momentsOf(events: readonly Remembered[]): Moment[] {
  return events.flatMap((event) =>
    event.payloads.map((payload) => {
      const own = Date.parse(textOf(detailsOf(payload)['TimestampUTC']));
      return { timeMs: Number.isNaN(own) ? event.timeMs : own, event, payload };
    }),
  );
}

function line({ event, payload, timeMs }: Moment): string {
  const { text, aside, hits, processId } = sentenceOf(event.name, payload);
  const alert = detailsOf(payload)[alertMark];
  const more = [
    ...(hits > 1 ? [`${hits} times`] : []),
    ...aside,
    ...(processId === undefined ? [] : [`pid ${processId}`]),
  ];
  return [
    utcText(timeMs),
    brief(event.name).padEnd(nameColumns),
    fates[event.fate].padEnd(fateColumns),
    (alert === undefined ? '' : `ALERT ${shown(alert)}: `) +
      text +
      (more.length === 0 ? '' : `   (${more.join(', ')})`),
  ].join(' ');
}

function isWithin(timeMs: number, { fromMs, toMs }: Span): boolean {
  return timeMs >= fromMs && timeMs <= toMs;
}

function detailsOf(payload: JsonObject): JsonObject {
  const { ExtraDetails: details } = payload;
  return isJsonObject(details) ? details : {};
}

function textOf(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : '';
}
