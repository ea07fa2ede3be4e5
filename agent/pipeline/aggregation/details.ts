import { eventDeclarations } from '../../../contract/events.js';
import type { AggregatedName } from './identity.js';

type TextMembers = Readonly<Record<string, string>>;

/**
 * What is true of hits with the details `known` together with one more hit: the details that are the same in all, and
 * each caveat that one of them has, with its first value. The same object as `known` when nothing changes.
 */
export function detailsOfAll(
  name: AggregatedName,
  known: TextMembers,
  hit: TextMembers,
): TextMembers {
  const { caveats = {} } = eventDeclarations[name];
  const kept = Object.entries(known).filter(
    ([key, value]) => hit[key] === value || Object.hasOwn(caveats, key),
  );
  const added = Object.entries(hit).filter(
    ([key]) => Object.hasOwn(caveats, key) && !Object.hasOwn(known, key),
  );
  if (added.length === 0 && kept.length === Object.keys(known).length) return known;
  return Object.fromEntries([...kept, ...added]);
}
