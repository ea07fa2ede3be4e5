import type { FactContext } from './fact-reader.js';
import {
  type FactKey,
  type Named,
  namedReaders,
  type Need,
  subjectReaders,
  type Subjects,
} from './facts.js';
import { type Reading, unreadable } from './reading.js';

/** The facts of one run by their keys. */
export type FactBook = ReadonlyMap<FactKey, Reading<unknown>>;

export const keyOfNeed = (need: Need): FactKey => need.replace(/^\?/, '') as FactKey;

/** Reads each fact that is needed once, one after the other: the disk of a device is not asked for all at once. */
export async function readFacts(needs: Iterable<Need>, context: FactContext): Promise<FactBook> {
  const book = new Map<FactKey, Reading<unknown>>();
  const named = new Map<keyof Named, string[]>();
  for (const key of new Set([...needs].map(keyOfNeed))) {
    const colon = key.indexOf(':');
    if (colon < 0) {
      book.set(key, await subjectReaders[key as keyof Subjects](context));
      continue;
    }
    const kind = key.slice(0, colon) as keyof Named;
    const names = named.get(kind) ?? [];
    named.set(kind, names);
    names.push(key.slice(colon + 1));
  }
  for (const [kind, names] of named) {
    const readings = await namedReaders[kind](names, context);
    for (const name of names)
      book.set(`${kind}:${name}`, readings.get(name) ?? unreadable(`${kind} ${name} was not read`));
  }
  return book;
}
