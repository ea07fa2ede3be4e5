import {
  isJsonObject,
  JsonError,
  type JsonObject,
  type JsonValue,
  parseJson,
} from '../../base/json.js';
import { eventNames } from '../../contract/events.js';
import type { EventValue, SigmaEvent } from '../engine/event-view.js';
import { sigmaEventsOf } from '../fields/project.js';
import type { Logsource } from '../language/document.js';
import { limits } from '../limits.js';

/** Of a line; of a text in it no more is judged than `limits.text`. */
export const longestEventBytes = 4 * 1024 * 1024;

/** The text is no event; `message` is a sentence that tells what to correct. */
export class EventLineError extends Error {
  override readonly name = 'EventLineError';
}

/**
 * Reads an event as Sigma sees it, see `parseEventLine`, or as the hub is told it, with `Name` and `Payload`: then it is one
 * for each log source that its payloads are events of.
 * @throws EventLineError
 */
export function parseEventLines(text: string): readonly SigmaEvent[] {
  const line = parsed(text);
  if (!isJsonObject(line) || line['Name'] === undefined) return [eventIn(line)];
  const { Name: name, Payload: payloads, TimestampUTC: time } = line;
  const event = eventNames.find((one) => one === name);
  if (event === undefined)
    throw new EventLineError(`Correct "Name": there is no event ${JSON.stringify(name)}.`);
  if (!Array.isArray(payloads) || !payloads.every(isJsonObject))
    throw new EventLineError('Give "Payload" a list of objects.');
  const timeMs = typeof time === 'string' ? Date.parse(time) : NaN;
  return payloads.flatMap((payload) =>
    sigmaEventsOf({ event, payload }, Number.isNaN(timeMs) ? 0 : timeMs),
  );
}

/**
 * Reads `{"logsource": {"category": …}, "event": {"Field": value, …}, "timeMs": n}`; a value may be a list. Without `timeMs`
 * it happened at 0.
 * @throws EventLineError
 */
export function parseEventLine(text: string): SigmaEvent {
  return eventIn(parsed(text));
}

function eventIn(line: JsonValue): SigmaEvent {
  if (!isJsonObject(line)) throw new EventLineError('Write the event as an object of JSON.');
  const { event, logsource = {}, timeMs = 0 } = line;
  if (!isJsonObject(event)) throw new EventLineError('Give "event" the fields as an object.');
  if (!isJsonObject(logsource))
    throw new EventLineError('Give "logsource" category, product or service as an object.');
  if (typeof timeMs !== 'number' || !Number.isFinite(timeMs))
    throw new EventLineError('Give "timeMs" the milliseconds since 1970.');
  return { logsource: logsourceIn(logsource), fields: fieldsIn(event), timeMs };
}

function parsed(text: string): JsonValue {
  try {
    return parseJson(text, { maxLength: longestEventBytes, maxDepth: limits.depth });
  } catch (error) {
    if (error instanceof JsonError) throw new EventLineError(`Correct the JSON: ${error.fault}.`);
    throw error;
  }
}

function logsourceIn(said: JsonObject): Logsource {
  const logsource: { -readonly [K in keyof Logsource]: Logsource[K] } = {};
  for (const key of ['category', 'product', 'service'] as const) {
    const value = said[key] ?? undefined;
    if (value === undefined) continue;
    if (typeof value !== 'string') throw new EventLineError(`Make ${key} of "logsource" a text.`);
    logsource[key] = value.toLowerCase();
  }
  return logsource;
}

function fieldsIn(said: JsonObject): Record<string, EventValue> {
  const fields: Record<string, EventValue> = {};
  for (const [name, value] of Object.entries(said)) {
    if (isJsonObject(value))
      throw new EventLineError(`Make ${JSON.stringify(name)} a text, a number or a list of them.`);
    fields[name] = value as EventValue;
  }
  return fields;
}
