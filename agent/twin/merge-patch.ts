import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';

/** A twin nests at most 10 levels; deeper than this is no twin, and recursion must end. */
const deepest = 32;

/** A document nests deeper than any twin may. */
export class NestingError extends Error {
  override readonly name = 'NestingError';
}

/**
 * Applies a JSON Merge Patch (RFC 7396): objects merge, `null` removes, everything else replaces, arrays included. The
 * arguments are left as they are. A member named `__proto__` is dropped.
 * @throws NestingError
 */
export function mergePatch(target: JsonValue | undefined, patch: JsonObject): JsonObject {
  return mergeObjects(target, patch, 0);
}

function mergeObjects(target: JsonValue | undefined, patch: JsonObject, depth: number): JsonObject {
  if (depth > deepest) throw new NestingError(`nested more than ${deepest} levels deep`);
  const members = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) members.delete(name);
    else if (isJsonObject(value))
      members.set(name, mergeObjects(members.get(name), value, depth + 1));
    else members.set(name, value);
  }
  members.delete('__proto__');
  return Object.fromEntries(members);
}

/**
 * The merge patch that makes `wanted` of `known`, empty when they say the same. A `null` in `wanted` stands for "not
 * there", as it does after a merge.
 */
export function differencePatch(known: JsonValue | undefined, wanted: JsonObject): JsonObject {
  const had = new Map(isJsonObject(known) ? Object.entries(known) : []);
  const changes = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(wanted)) {
    const before = had.get(name);
    had.delete(name);
    if (value === null) {
      if (before !== undefined) changes.set(name, null);
    } else if (isJsonObject(value)) {
      const inner = differencePatch(before, value);
      if (!isJsonObject(before) || Object.keys(inner).length > 0) changes.set(name, inner);
    } else if (!sameJson(before, value)) {
      changes.set(name, value);
    }
  }
  for (const name of had.keys()) changes.set(name, null);
  changes.delete('__proto__');
  return Object.fromEntries(changes);
}

/** Equality of JSON values; the order of members does not matter. */
export function sameJson(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (isArray(a) && isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  );
}

function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}
