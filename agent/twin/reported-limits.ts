import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';

/*
 * The limits of a hub for reported properties, taken on the safe side: older hubs and IoT Edge allow less than the
 * current text, and one value too much makes the hub refuse the whole update.
 */
const longestStringBytes = 4095;
const longestKeyBytes = 512;
const deepest = 9;
const largestInteger = 2 ** 52 - 1;
/** The hub allows 32 KB in all; others may have reported something too. */
const largestBytes = 24 * 1024;

/** Makes an object that any hub accepts: legal keys, no arrays, no nulls, texts and numbers in range. */
export function withinTwinLimits(object: JsonObject, depth = 1): JsonObject {
  const members = new Map<string, JsonValue>();
  for (const [name, value] of Object.entries(object)) {
    const accepted = acceptable(value, depth);
    if (accepted !== undefined) members.set(legalKey(name), accepted);
  }
  return Object.fromEntries(members);
}

function acceptable(value: JsonValue, depth: number): JsonValue | undefined {
  switch (typeof value) {
    case 'string':
      return cut(value, longestStringBytes);
    case 'number':
      if (!Number.isFinite(value)) return undefined;
      return Math.min(Math.max(value, -largestInteger), largestInteger);
    case 'boolean':
      return value;
    default:
      return isJsonObject(value) && depth < deepest
        ? withinTwinLimits(value, depth + 1)
        : undefined;
  }
}

function legalKey(name: string): string {
  // eslint-disable-next-line no-control-regex -- control characters are what the hub refuses
  const legal = name.replace(/[\u0000-\u0020\u007f-\u009f.$]/g, '_');
  return cut(legal === '' ? '_' : legal, longestKeyBytes);
}

/** At most `limitBytes` of UTF-8, cut between characters. */
function cut(text: string, limitBytes: number): string {
  if (Buffer.byteLength(text) <= limitBytes) return text;
  const decoder = new TextDecoder('utf-8');
  return decoder.decode(Buffer.from(text).subarray(0, limitBytes), { stream: true });
}

/** What the hub counts: keys and texts by their bytes, numbers 8, booleans 4. */
export function twinSizeBytes(value: JsonValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value);
  if (typeof value === 'number') return 8;
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).reduce<number>(
      (sum, item) => sum + twinSizeBytes(item),
      0,
    );
  }
  if (!isJsonObject(value)) return 4;
  return Object.entries(value).reduce(
    (sum, [name, member]) => sum + Buffer.byteLength(name) + twinSizeBytes(member),
    0,
  );
}

/**
 * Removes the largest members of `status` until both objects together fit; what the contract prescribes goes first.
 * @returns the status that fits, with `truncated` when something had to go.
 */
export function fitStatus(status: JsonObject, othersBytes: number): JsonObject {
  const members = Object.entries(status);
  const fits = (): boolean =>
    othersBytes + twinSizeBytes(Object.fromEntries(members)) <= largestBytes;
  if (fits()) return status;
  members.sort(([, a], [, b]) => twinSizeBytes(a) - twinSizeBytes(b));
  while (members.length > 0 && !fits()) members.pop();
  return { ...Object.fromEntries(members), truncated: true };
}
