import type { EventName } from '../../contract/events.js';
import type { EventValue, SigmaEvent } from '../engine/event-view.js';
import { covers, type Logsource } from '../language/document.js';
import { type Expression, fieldsOf, searchesWhole } from '../language/expression.js';
import type { Observed, SourceDeclaration } from './declaration.js';
import { fieldReader, membersReader, opened, type Opened, type ReadField } from './readers.js';
import { sources } from './table.js';

/** What asks for events: a rule. */
interface Asking {
  readonly logsource: Logsource;
  readonly expression: Expression;
}

/** Which fields of a log source are wanted; undefined: all. */
type Wanted = ReadonlySet<string> | undefined;

/** One log source, with how its fields are read. */
class Source {
  readonly logsource: Logsource;
  readonly #when: SourceDeclaration['when'];
  readonly #fields: readonly (readonly [name: string, read: ReadField])[];
  readonly #lists: readonly {
    readonly stem: string;
    readonly read: ReturnType<typeof membersReader>;
    readonly wanted: Wanted;
  }[];

  constructor({ fields, logsource, when }: SourceDeclaration, wanted: Wanted) {
    this.logsource = logsource;
    this.#when = when;
    const declared = Object.entries(fields).flatMap(([name, one]) =>
      'missing' in one ? [] : [[name, one] as const],
    );
    this.#fields = declared
      .filter(([name, one]) => one.numbered !== true && wanted?.has(name) !== false)
      .map(([name, one]) => [name, fieldReader(one)]);
    this.#lists = declared
      .filter(([, one]) => one.numbered === true)
      .map(([stem, { from }]) => ({ stem, read: membersReader(from), wanted }));
  }

  eventOf(observed: Opened, timeMs: number): SigmaEvent | undefined {
    const when = this.#when;
    if (when !== undefined) {
      const value = observed.payload[when.field];
      if (typeof value !== 'string' || !when.is.includes(value)) return undefined;
    }
    const fields: Record<string, EventValue> = {};
    for (const [name, read] of this.#fields) {
      const value = read(observed);
      if (value !== undefined) fields[name] = value;
    }
    for (const { read, stem, wanted } of this.#lists)
      for (const [index, value] of read(observed).entries()) {
        const name = `${stem}${index}`;
        if (wanted?.has(name) !== false) fields[name] = value;
      }
    return { logsource: this.logsource, fields, timeMs };
  }
}

const isOfEvent = (source: SourceDeclaration): source is SourceDeclaration & { event: EventName } =>
  source.event !== undefined;

function bySource(wantedOf: (source: SourceDeclaration) => Wanted | 'none') {
  const made = new Map<EventName, Source[]>();
  for (const source of sources.filter(isOfEvent)) {
    const wanted = wantedOf(source);
    if (wanted === 'none') continue;
    const others = made.get(source.event) ?? [];
    others.push(new Source(source, wanted));
    made.set(source.event, others);
  }
  return made;
}

/**
 * Makes of what was observed the events of Sigma's log sources that the table says: one for each that it is declared for, so
 * that an execve is a started program, and two audit records. Of log sources that no rule is about nothing is made, and of
 * the others the fields that rules ask for.
 */
export class Projection {
  readonly #sources: ReadonlyMap<EventName, readonly Source[]>;

  /**
   * @param rules absent: all fields of all log sources are made
   * @param further fields that are asked for beside those of the rules, of all log sources
   */
  constructor(rules?: readonly Asking[], further: Iterable<string> = []) {
    this.#sources = bySource(({ logsource }) => {
      if (rules === undefined) return undefined;
      const asking = rules.filter((rule) => covers(rule.logsource, logsource));
      if (asking.length === 0) return 'none';
      if (asking.some(({ expression }) => searchesWhole(expression))) return undefined;
      const wanted = new Set(further);
      for (const { expression } of asking) fieldsOf(expression, wanted);
      return wanted;
    });
  }

  /** Whether a rule is about such events. */
  asksFor(event: EventName): boolean {
    return this.#sources.has(event);
  }

  eventsOf(observed: Observed, timeMs: number): readonly SigmaEvent[] {
    const made: SigmaEvent[] = [];
    const open = opened(observed);
    for (const source of this.#sources.get(observed.event) ?? []) {
      const event = source.eventOf(open, timeMs);
      if (event !== undefined) made.push(event);
    }
    return made;
  }
}

let whole: Projection | undefined;

/** All that the table makes of what was observed. */
export function sigmaEventsOf(observed: Observed, timeMs: number): readonly SigmaEvent[] {
  whole ??= new Projection();
  return whole.eventsOf(observed, timeMs);
}
