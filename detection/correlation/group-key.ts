import { createHash } from 'node:crypto';
import type { EventValue, SigmaEvent } from '../engine/event-view.js';
import type { Correlation } from '../language/correlation.js';
import { limits } from '../limits.js';

/** The group of an event by the fields of `group-by`: an absent one is a value like others. */
export function groupKey(correlation: Correlation, rule: string, event: SigmaEvent): string {
  const parts = correlation.groupBy.map((name) => {
    const field = correlation.aliases.get(name)?.get(rule) ?? name;
    return textOf(fieldOf(event, field)) ?? null;
  });
  return bounded(JSON.stringify(parts));
}

/** What a correlation takes of an event: undefined when the event does not have it, or not as a number where one is needed. */
export function valueOf(correlation: Correlation, event: SigmaEvent): string | undefined {
  const texts = correlation.fields.map((field) => textOf(fieldOf(event, field)));
  if (texts.includes(undefined)) return undefined;
  const isText =
    correlation.type === 'value_count' ||
    (correlation.type === 'value_percentile' && correlation.percentile === undefined);
  if (isText) return bounded(texts.length === 1 ? (texts[0] ?? '') : JSON.stringify(texts));
  const [text = ''] = texts;
  return text.length <= 32 && /^[-+]?\d+(?:\.\d+)?$/.test(text) ? text : undefined;
}

const fieldOf = (event: SigmaEvent, field: string): EventValue | undefined =>
  Object.hasOwn(event.fields, field) ? event.fields[field] : undefined;

/** Of a list its first value. */
function textOf(value: EventValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object') return String(value);
  // What is no value of any log: an object, out of a stranger's JSON.
  if (!Array.isArray(value)) return undefined;
  const first = (value as readonly EventValue[]).find(
    (one) => one !== null && typeof one !== 'object',
  );
  return first === undefined ? undefined : textOf(first);
}

const bounded = (text: string): string =>
  text.length <= limits.keptText
    ? text
    : `sha256:${createHash('sha256').update(text).digest('base64')}`;
