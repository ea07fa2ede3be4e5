import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';

/**
 * The rules of one twin section (desired or reported), without any wire: merge patch (RFC 7396), what a replacement
 * tells the device, and the limits that IoT Hub puts on keys, values, depth and size.
 */

/** A twin update that is refused: `status` goes into the answer's topic, `errorCode` into its body. */
export class TwinError extends Error {
  override readonly name = 'TwinError';
  constructor(
    readonly status: 400 | 412 | 413,
    readonly errorCode: number,
    message: string,
  ) {
    super(message);
  }
}

const limits = {
  sectionBytes: 32 * 1024,
  keyBytes: 1024,
  stringBytes: 4096,
  depth: 10,
  smallestInteger: -(2 ** 52),
  largestInteger: 2 ** 52 - 1,
} as const;

// eslint-disable-next-line no-control-regex -- C0 and C1 are what the limits speak of
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/g;
// eslint-disable-next-line no-control-regex -- the same, and the characters with a meaning in queries
const forbiddenInKey = /[\u0000-\u001f\u007f-\u009f.$ ]/;

/** RFC 7396: `null` deletes, objects merge, everything else (arrays too) replaces. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** Applies a patch to a whole section. */
export function patchSection(section: JsonObject, patch: JsonObject): JsonObject {
  return mergePatch(section, patch) as JsonObject;
}

/** What a replaced section looks like to the device: the new document, with `null` for every key that vanished. */
export function replacementNotice(before: JsonObject, after: JsonObject): JsonObject {
  const notice = new Map<string, JsonValue>();
  for (const [key, old] of Object.entries(before)) {
    if (!Object.hasOwn(after, key)) notice.set(key, null);
    else {
      const now = after[key] ?? null;
      notice.set(key, isJsonObject(old) && isJsonObject(now) ? replacementNotice(old, now) : now);
    }
  }
  for (const [key, value] of Object.entries(after)) if (!notice.has(key)) notice.set(key, value);
  return Object.fromEntries(notice);
}

function bytesWithoutControls(text: string): number {
  return Buffer.byteLength(text.replace(controlCharacters, ''));
}

/** Size as IoT Hub counts it: UTF-8 of keys and strings without control characters, 8 a number, 4 a boolean. */
export function sectionSizeBytes(value: JsonValue): number {
  if (typeof value === 'string') return bytesWithoutControls(value);
  if (typeof value === 'number') return 8;
  if (typeof value === 'boolean') return 4;
  if (value === null) return 0;
  let sizeBytes = 0;
  for (const [key, item] of Object.entries(value)) {
    sizeBytes += (Array.isArray(value) ? 0 : bytesWithoutControls(key)) + sectionSizeBytes(item);
  }
  return sizeBytes;
}

function refuse(message: string): never {
  throw new TwinError(400, 400004, message);
}

function checkValue(value: JsonValue, path: string, depth: number): void {
  if (depth > limits.depth) refuse(`${path} is nested deeper than ${limits.depth} levels`);
  if (typeof value === 'string' && Buffer.byteLength(value) > limits.stringBytes) {
    refuse(`${path} is a string of more than ${limits.stringBytes} bytes`);
  }
  if (
    typeof value === 'number' &&
    Number.isInteger(value) &&
    (value < limits.smallestInteger || value > limits.largestInteger)
  ) {
    refuse(`${path} is an integer outside of -2^52 to 2^52-1`);
  }
  if (Array.isArray(value)) {
    for (const item of value as readonly JsonValue[]) checkValue(item, `${path}[]`, depth + 1);
  } else if (isJsonObject(value)) checkKeys(value, path, depth);
}

function checkKeys(object: JsonObject, path: string, depth: number): void {
  for (const [key, value] of Object.entries(object)) {
    if (Buffer.byteLength(key) > limits.keyBytes) {
      refuse(`a key of ${path} is longer than ${limits.keyBytes} bytes`);
    }
    if (forbiddenInKey.test(key)) {
      refuse(`the key '${key}' of ${path} holds a control character, '.', '$' or a blank`);
    }
    checkValue(value, `${path}.${key}`, depth + 1);
  }
}

/** Throws {@link TwinError} 400 when a patch or document breaks the rules for keys, values or depth. */
export function checkContent(document: JsonObject, sectionName: 'desired' | 'reported'): void {
  checkKeys(document, sectionName, 0);
}

/** Throws {@link TwinError} 413 when a section has grown over 32 KB. */
export function checkSize(section: JsonObject, sectionName: 'desired' | 'reported'): void {
  const sizeBytes = sectionSizeBytes(section);
  if (sizeBytes > limits.sectionBytes) {
    throw new TwinError(
      413,
      413001,
      `${sectionName} would take ${sizeBytes} of ${limits.sectionBytes} bytes`,
    );
  }
}
