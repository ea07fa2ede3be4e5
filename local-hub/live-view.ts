import { isJsonObject, type JsonObject, type JsonValue } from '../config/json.js';
import { printable } from '../config/quote.js';
import type { ConnectionEvent, TwinChange } from './local-hub.js';
import { unitBytes, type ReceivedMessage } from './received-message.js';
import type { TwinView } from './twin-service.js';

/** What the hub saw, as lines for people. Whatever strangers wrote stays on its line and moves no cursor. */

/** Longer texts are cut, in UTF-16 units. */
const longestText = 200;

/** A stranger's text on its line, cut when it is long. */
export function brief(text: string): string {
  return printable(text, longestText);
}

function shown(value: JsonValue | undefined): string {
  if (value === undefined || value === '') return '?';
  return brief(typeof value === 'string' ? value : JSON.stringify(value));
}

/** The time of day, local, to the second. */
function timeOfDay(date: Date): string {
  return date.toTimeString().slice(0, 8);
}

function line(time: string, subject: string, text: string): string {
  return `${time}  ${subject.padEnd(16)} ${text}`;
}

function objects(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];
}

function processCreate(payload: JsonObject, details: JsonObject): string {
  const user = payload['UserName'] ?? payload['UserId'];
  const hits = Number(details['HitCount'] ?? 1);
  const often = hits > 1 ? `${hits} times, ` : '';
  // An aggregate stands for several processes and names none.
  const pid = payload['ProcessId'] === 0 ? '' : `, pid ${shown(payload['ProcessId'])}`;
  return `${shown(payload['CommandLine'])}   (${often}${shown(payload['Executable'])}, user ${shown(user)}${pid})`;
}

function listeningPort(payload: JsonObject, details: JsonObject): string {
  const address = shown(payload['LocalAddress']);
  const host = address.includes(':') ? `[${address}]` : address;
  const executable = details['Executable'];
  const by = executable === undefined ? '' : `   (${shown(executable)})`;
  return `${shown(payload['Protocol'])} ${host}:${shown(payload['LocalPort'])}${by}`;
}

function payloadText(name: string, payload: JsonObject): string {
  const { ExtraDetails: extra, ...fields } = payload;
  const details = isJsonObject(extra) ? extra : {};
  if (name === 'ProcessCreate') return processCreate(payload, details);
  if (name === 'ListeningPorts') return listeningPort(payload, details);
  return Object.entries(fields)
    .map(([field, value]) => `${brief(field)}=${shown(value)}`)
    .join(' ');
}

function eventLines(event: JsonObject): readonly string[] {
  const at = new Date(typeof event['TimestampUTC'] === 'string' ? event['TimestampUTC'] : NaN);
  const time = Number.isNaN(at.getTime()) ? '??:??:??' : timeOfDay(at);
  const name = shown(event['Name']);
  const payloads = objects(event['Payload']);
  if (payloads.length === 0) return [line(time, name, '(looked, and found nothing)')];
  return payloads.map((payload) => line(time, name, payloadText(name, payload)));
}

/** One line for each payload in the message, then one for the message itself. */
export function messageLines(message: ReceivedMessage): readonly string[] {
  const { json, sizeBytes, properties, problems, receivedAt } = message;
  const events = isJsonObject(json) ? objects(json['Events']) : [];
  const units = Math.max(1, Math.ceil(sizeBytes / unitBytes));
  const priority = properties['MessagePriority'];
  const verdict =
    problems.length === 0
      ? 'valid'
      : `INVALID: ${problems.map((problem) => brief(problem)).join('; ')}`;
  const summary = [
    `${events.length} ${events.length === 1 ? 'event' : 'events'}`,
    `${sizeBytes} bytes = ${units} × 4 KB`,
    `priority ${brief(priority ?? 'not given')}`,
    verdict,
  ].join(', ');
  return [...events.flatMap(eventLines), line(timeOfDay(receivedAt), '  message', summary)];
}

export function connectionLine(event: ConnectionEvent): string {
  const who = brief(`${event.deviceId}/${event.moduleId ?? ''}`.replace(/\/$/, ''));
  const code = event.code === undefined ? '' : ` with code ${event.code}`;
  return line(
    timeOfDay(new Date()),
    '  connection',
    `${who} ${event.kind}${code}: ${brief(event.reason)}`,
  );
}

function collectorText(name: string, state: JsonObject): string {
  const source = state['source'] === undefined ? '' : ` from ${shown(state['source'])}`;
  const but = state['limitation'] === undefined ? '' : `. ${shown(state['limitation'])}`;
  const losses = isJsonObject(state['losses']) ? Object.entries(state['losses']) : [];
  const lost = losses.map(([cause, count]) => `; ${shown(count)} × ${brief(cause)}`).join('');
  return `${brief(name)} ${shown(state['state'])}${source}${lost}${but}`;
}

function members(value: JsonValue | undefined): readonly (readonly [string, JsonValue])[] {
  return isJsonObject(value) ? Object.entries(value) : [];
}

/** What the device says of itself, as far as it changed since it was shown last. */
export class TwinLines {
  readonly #shown = new Map<string, string>();

  of(change: TwinChange, twin: TwinView): readonly string[] {
    const time = timeOfDay(new Date());
    const lines = [line(time, '  twin', `${change.section} is at version ${change.version}`)];
    if (change.section === 'desired') return lines;
    const status = twin.reported['agentStatus'];
    if (!isJsonObject(status)) return lines;
    for (const [name, state] of members(status['collectors'])) {
      const text = isJsonObject(state) ? collectorText(name, state) : shown(state);
      if (this.#isNew(name, text)) lines.push(line(time, '  collector', text));
    }
    for (const [key, reason] of members(status['rejected'])) {
      const text = `${brief(key)}: ${shown(reason)}`;
      if (this.#isNew(`rejected ${key}`, text)) lines.push(line(time, '  rejected', text));
    }
    return lines;
  }

  #isNew(subject: string, text: string): boolean {
    const isNew = this.#shown.get(subject) !== text;
    this.#shown.set(subject, text);
    return isNew;
  }
}
