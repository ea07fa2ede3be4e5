import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { EventName } from '../../contract/events.js';
import type { EventValue, SigmaEvent } from '../engine/event-view.js';
import { covers, type Logsource } from '../language/document.js';
import type { KnownField, Observed, Origin, SourceDeclaration } from './declaration.js';
import { sources } from './table.js';

/**
 * What was observed, as the events of Sigma's log sources that the table makes of it: one for each that it is declared
 * for, so that an execve is a started program, and two audit records.
 */
export function sigmaEventsOf(observed: Observed, timeMs: number): readonly SigmaEvent[] {
  return eventsOf(sources, observed, timeMs);
}

/** The same for a set of rules: without the log sources that none of them is about. */
export class Projection {
  readonly #sources = new Map<EventName, readonly SourceDeclaration[]>();

  constructor(rules: readonly { readonly logsource: Logsource }[]) {
    for (const source of sources) {
      const { event, logsource } = source;
      if (event === undefined || !rules.some((rule) => covers(rule.logsource, logsource))) continue;
      this.#sources.set(event, [...(this.#sources.get(event) ?? []), source]);
    }
  }

  /** Whether a rule is about such events. */
  asksFor(event: EventName): boolean {
    return this.#sources.has(event);
  }

  eventsOf(observed: Observed, timeMs: number): readonly SigmaEvent[] {
    return eventsOf(this.#sources.get(observed.event) ?? [], observed, timeMs);
  }
}

function eventsOf(
  among: readonly SourceDeclaration[],
  observed: Observed,
  timeMs: number,
): readonly SigmaEvent[] {
  return among
    .filter(({ event, when }) => {
      if (event !== observed.event) return false;
      const value = when === undefined ? undefined : observed.payload[when.field];
      return when === undefined || (typeof value === 'string' && when.is.includes(value));
    })
    .map((source) => ({ logsource: source.logsource, fields: fieldsOf(source, observed), timeMs }));
}

function fieldsOf(source: SourceDeclaration, observed: Observed): Record<string, EventValue> {
  const fields: Record<string, EventValue> = {};
  for (const [name, declared] of Object.entries(source.fields)) {
    if ('missing' in declared) continue;
    if (declared.numbered === true) {
      for (const [index, value] of valuesOf(declared.from, observed).flat().entries())
        fields[`${name}${index}`] = value;
      continue;
    }
    const value = valueOf(declared, observed);
    if (value !== undefined) fields[name] = value;
  }
  return fields;
}

function valueOf(declared: KnownField, observed: Observed): EventValue | undefined {
  if (declared.is !== undefined) return declared.is;
  const values = valuesOf(originsOf(declared, observed.payload), observed).flat();
  const said = values.map((value) => declared.says?.[String(value)] ?? value);
  return declared.all === true && said.length > 1 ? [...new Set(said)] : said[0];
}

function originsOf({ by, from }: KnownField, payload: JsonObject): readonly Origin[] {
  if (by === undefined) return from;
  const key = payload[by.field];
  return (typeof key === 'string' && Object.hasOwn(by.from, key) ? by.from[key] : undefined) ?? [];
}

type Plain = string | number | boolean;

/** What is there of each origin, in their order; an empty text says that it is not known. */
function valuesOf(origins: readonly Origin[], observed: Observed): readonly Plain[][] {
  return origins.map((origin) => read(origin, observed).filter((value) => value !== ''));
}

function read(origin: Origin, { payload, raw }: Observed): Plain[] {
  if ('raw' in origin) {
    const value = raw?.[origin.raw];
    if (value === undefined) return [];
    if (typeof value === 'string') return [value];
    return origin.joined === true ? [value.join(' ')] : [...value];
  }
  if ('field' in origin) return plain(payload[origin.field]);
  const details = payload['ExtraDetails'];
  return isJsonObject(details) ? plain(details[origin.detail]) : [];
}

function plain(value: JsonValue | undefined): Plain[] {
  return value === undefined || value === null || typeof value === 'object' ? [] : [value];
}
