import { createHash } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { SigmaEvent } from '../engine/event-view.js';
import type { Correlation } from '../language/correlation.js';
import { limits } from '../limits.js';
import { groupKey, valueOf } from './group-key.js';
import { isFulfilled } from './measure.js';
import { type Entry, Window } from './window.js';

/** A correlation whose rules are known. */
export interface ResolvedCorrelation {
  readonly correlation: Correlation;
  /** Ids of its rules, in the order of `rules`. */
  readonly ids: readonly string[];
}

interface Correlated extends ResolvedCorrelation {
  readonly fingerprint: string;
  /** By key; the one that was used longest ago first. */
  readonly groups: Map<string, Window>;
}

/** Of a group of rules in an order more entries than rules are needed, yet not many. */
const mostInOrder = 128;

/**
 * Joins events that rules are true of into what correlations describe.
 *
 * 1. A correlation is found at the event that completes it, and begins anew then: what it has counted is used up.
 * 2. Windows end with the youngest event of their group and have no fixed borders; time is that of the events.
 * 3. Groups, entries of a group and entries of all are bounded. What goes before its time is counted in `forgotten`.
 * 4. `save` and `restore` carry everything over a restart, but for correlations that have changed meanwhile.
 */
export class Correlator {
  readonly #correlations: readonly Correlated[];
  #events = 0;
  #entries = 0;
  #counted = 0;
  /** Entries that were dropped though they were within their timespan. */
  forgotten = 0;

  /** @param correlations each after those that it is made of */
  constructor(correlations: readonly ResolvedCorrelation[]) {
    this.#correlations = correlations.map((one) => ({
      ...one,
      fingerprint: fingerprintOf(one),
      groups: new Map(),
    }));
  }

  /** Grows with each event that something is counted of, so that what `save` gives is known to be another. */
  get counted(): number {
    return this.#counted;
  }

  /** Entries that are kept. */
  get entries(): number {
    return this.#entries;
  }

  /**
   * @param hits ids of the rules that are true of the event
   * @returns ids of the correlations that it completes
   */
  push(hits: readonly string[], event: SigmaEvent): readonly string[] {
    if (hits.length === 0 || !Number.isFinite(event.timeMs)) return [];
    this.#events++;
    const matched = new Set(hits);
    const found: string[] = [];
    for (const correlated of this.#correlations) {
      if (!this.#feed(correlated, matched, event)) continue;
      const { id } = correlated.correlation;
      found.push(id);
      // Correlations that are made of this one come later.
      matched.add(id);
    }
    return found;
  }

  save(): JsonObject {
    const correlations = this.#correlations
      .filter(({ groups }) => groups.size > 0)
      .map(({ correlation, fingerprint, groups }) => ({
        id: correlation.id,
        fingerprint,
        groups: [...groups].map(([key, window]) => ({
          key,
          entries: window.entries.map(({ event, rule, timeMs, value }) =>
            value === undefined ? [timeMs, event, rule] : [timeMs, event, rule, value],
          ),
        })),
      }));
    return { version: 1, events: this.#events, correlations };
  }

  /** Takes what `save` gave; whatever else it is given it leaves. */
  restore(saved: JsonValue): void {
    if (!isJsonObject(saved) || saved['version'] !== 1) return;
    const { correlations, events } = saved;
    if (typeof events === 'number' && Number.isSafeInteger(events) && events >= 0)
      this.#events = events;
    for (const one of Array.isArray(correlations) ? (correlations as readonly JsonValue[]) : []) {
      if (!isJsonObject(one)) continue;
      const known = this.#correlations.find(({ correlation }) => correlation.id === one['id']);
      if (known === undefined || known.fingerprint !== one['fingerprint']) continue;
      for (const group of Array.isArray(one['groups']) ? (one['groups'] as JsonValue[]) : [])
        if (isJsonObject(group)) this.#restoreGroup(known, group);
    }
  }

  #restoreGroup(correlated: Correlated, { entries, key }: JsonObject): void {
    if (typeof key !== 'string' || key.length > 2 * limits.keptText) return;
    for (const entry of Array.isArray(entries) ? (entries as readonly JsonValue[]) : []) {
      // Whoever wrote more than is ever kept shall not have it sorted out here.
      if (this.#entries >= limits.entries) return;
      const read = entryOf(entry, correlated.ids.length, this.#events);
      if (read !== undefined) this.#add(correlated, key, read);
    }
  }

  /** Whether the event completes the correlation in one of its groups. */
  #feed(correlated: Correlated, matched: ReadonlySet<string>, event: SigmaEvent): boolean {
    const { correlation, ids } = correlated;
    let isComplete = false;
    const counted = new Set<string>();
    for (const [rule, id] of ids.entries()) {
      if (!matched.has(id)) continue;
      const value = correlation.fields.length === 0 ? undefined : valueOf(correlation, event);
      if (correlation.fields.length > 0 && value === undefined) continue;
      const key = groupKey(correlation, correlation.rules[rule] ?? id, event);
      const isTemporal = correlation.type.startsWith('temporal');
      // One event counts once, however many of the rules are true of it.
      if (!isTemporal && counted.has(key)) continue;
      counted.add(key);
      const entry: Entry = { timeMs: event.timeMs, event: this.#events, rule, value };
      const window = this.#add(correlated, key, entry);
      if (!isFulfilled(correlation, window.entries, entry)) continue;
      isComplete = true;
      this.#forget(correlated, key, window);
    }
    return isComplete;
  }

  #add(correlated: Correlated, key: string, entry: Entry): Window {
    const { correlation, groups } = correlated;
    const window = groups.get(key) ?? windowFor(correlation);
    groups.delete(key);
    groups.set(key, window);
    const before = window.entries.length;
    this.#counted++;
    this.forgotten += window.add(entry);
    this.#entries += window.entries.length - before;
    this.#makeRoom(correlated, window, entry.timeMs);
    return window;
  }

  /** Groups that are over go, and then those that were used longest ago, never the one in use. */
  #makeRoom(correlated: Correlated, inUse: Window, nowMs: number): void {
    const { correlation, groups } = correlated;
    for (const [key, window] of groups) {
      const isOver = (window.youngestMs ?? -Infinity) < nowMs - correlation.timespanMs;
      const isTooMuch = groups.size > limits.groups || this.#entries > limits.entries;
      if (window === inUse || (!isOver && !isTooMuch)) break;
      if (!isOver) this.forgotten += window.entries.length;
      this.#forget(correlated, key, window);
    }
    if (this.#entries <= limits.entries) return;
    // The room is with others: the fullest group of all goes. Many groups may have to go one by one: nothing is sorted.
    let fullest: { correlated: Correlated; key: string; window: Window } | undefined;
    for (const other of this.#correlations)
      for (const [key, window] of other.groups)
        if (
          window !== inUse &&
          (fullest === undefined || window.entries.length > fullest.window.entries.length)
        )
          fullest = { correlated: other, key, window };
    if (fullest === undefined) return;
    this.forgotten += fullest.window.entries.length;
    this.#forget(fullest.correlated, fullest.key, fullest.window);
  }

  #forget({ groups }: Correlated, key: string, window: Window): void {
    this.#entries -= window.entries.length;
    window.clear();
    groups.delete(key);
  }
}

function windowFor({ timespanMs, type }: Correlation): Window {
  switch (type) {
    case 'temporal':
      return new Window(timespanMs, (one, other) => one.rule === other.rule);
    case 'value_count':
      return new Window(timespanMs, (one, other) => one.value === other.value);
    case 'temporal_ordered':
      return new Window(timespanMs, undefined, mostInOrder);
    default:
      return new Window(timespanMs);
  }
}

/** Changes with whatever makes old entries mean something else. */
function fingerprintOf({ correlation, ids }: ResolvedCorrelation): string {
  const { aliases, bounds, expression, fields, groupBy, percentile, timespanMs, type } =
    correlation;
  const meaning = {
    type,
    ids,
    groupBy,
    timespanMs,
    bounds,
    fields,
    percentile,
    aliases: [...aliases].map(([name, fieldsOfRule]) => [name, [...fieldsOfRule]]),
    expression,
  };
  return createHash('sha256').update(JSON.stringify(meaning)).digest('hex').slice(0, 16);
}

function entryOf(saved: JsonValue, rules: number, events: number): Entry | undefined {
  if (!Array.isArray(saved)) return undefined;
  const [timeMs, event, rule, value] = saved as readonly JsonValue[];
  if (typeof timeMs !== 'number' || !Number.isFinite(timeMs)) return undefined;
  if (typeof event !== 'number' || !Number.isSafeInteger(event) || event > events) return undefined;
  if (typeof rule !== 'number' || !Number.isInteger(rule) || rule < 0 || rule >= rules)
    return undefined;
  if (value !== undefined && (typeof value !== 'string' || value.length > 2 * limits.keptText))
    return undefined;
  return { timeMs, event, rule, value };
}
