import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { EventValue } from '../engine/event-view.js';
import type { KnownField, Observed, Origin } from './declaration.js';

type Plain = string | number | boolean;

/** What was observed, with its `ExtraDetails` looked up once. */
export interface Opened extends Pick<Observed, 'payload'> {
  readonly raw: Observed['raw'] | undefined;
  readonly details: JsonObject | undefined;
}

/** What a field of Sigma's is in what was observed; undefined: absent. */
export type ReadField = (opened: Opened) => EventValue | undefined;

export function opened({ payload, raw }: Observed): Opened {
  const details = payload['ExtraDetails'];
  return { payload, raw, details: isJsonObject(details) ? details : undefined };
}

/** How a declared field is read, worked out once for all events. */
export function fieldReader(declared: KnownField): ReadField {
  const { all, by, from, is, says } = declared;
  if (is !== undefined) return () => is;
  if (by !== undefined) {
    const readers = new Map(
      Object.entries(by.from).map(([key, origins]) => [key, reader(origins, all, says)]),
    );
    return (event) => {
      const key = event.payload[by.field];
      return typeof key === 'string' ? readers.get(key)?.(event) : undefined;
    };
  }
  return reader(from, all, says);
}

/** Each member of the list that the origins are. */
export function membersReader(origins: readonly Origin[]): (opened: Opened) => readonly Plain[] {
  const reads = origins.map(originReader);
  return (event) => reads.flatMap((read) => read(event) ?? []);
}

function reader(
  origins: readonly Origin[],
  all: true | undefined,
  says: KnownField['says'],
): ReadField {
  const reads = origins.map(originReader);
  const said = (value: Plain): Plain => {
    if (says === undefined) return value;
    const key = String(value);
    return (Object.hasOwn(says, key) ? says[key] : undefined) ?? value;
  };
  if (all === true)
    return (event) => {
      const values = new Set<Plain>();
      for (const read of reads) {
        const value = read(event);
        if (value === undefined) continue;
        if (typeof value === 'object') for (const member of value) values.add(said(member));
        else values.add(said(value));
      }
      if (values.size > 1) return [...values];
      for (const only of values) return only;
      return undefined;
    };
  return (event) => {
    for (const read of reads) {
      const value = read(event);
      const first = typeof value === 'object' ? value[0] : value;
      if (first !== undefined) return said(first);
    }
    return undefined;
  };
}

/** An empty text says that it is not known. */
function originReader(origin: Origin): (opened: Opened) => Plain | readonly Plain[] | undefined {
  if ('raw' in origin) {
    const { joined, raw: name } = origin;
    return ({ raw }) => {
      const value = raw?.[name];
      if (value === undefined || value === '') return undefined;
      if (typeof value === 'string') return value;
      return joined === true ? known(value.join(' ')) : value.filter((member) => member !== '');
    };
  }
  if ('field' in origin) {
    const { field } = origin;
    return ({ payload }) => known(payload[field]);
  }
  const { detail } = origin;
  return ({ details }) => known(details?.[detail]);
}

function known(value: JsonValue | undefined): Plain | undefined {
  return value === undefined || value === null || value === '' || typeof value === 'object'
    ? undefined
    : value;
}
