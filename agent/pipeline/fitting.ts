import { createHash } from 'node:crypto';

/** Bytes that a string takes in UTF-8 JSON, its quotes included. */
export function jsonSizeBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value), 'utf8');
}

/** The longest start of `text` of at most `limitBytes` UTF-8 bytes that does not split a character. */
export function cutUtf8(text: string, limitBytes: number): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= limitBytes) return text;
  let end = Math.max(0, limitBytes);
  // A byte 10xxxxxx continues a character (RFC 3629 §3): go back to where that character starts.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end).toString('utf8');
}

interface CutText {
  readonly text: string;
  /** Present when something was cut off: what the whole text was. */
  readonly whole?: { readonly sizeBytes: number; readonly sha256: string };
}

/** Cuts at a character boundary, and says how long the whole was and which SHA-256 (hex) it had. */
export function cutText(text: string, limitBytes: number): CutText {
  const cut = cutUtf8(text, limitBytes);
  if (cut.length === text.length) return { text };
  const sha256 = createHash('sha256').update(text, 'utf8').digest('hex');
  return { text: cut, whole: { sizeBytes: Buffer.byteLength(text, 'utf8'), sha256 } };
}

/** Shorter than any text worth keeping, longer than every mark this module adds. */
const shortestTextBytes = 16;

interface TextSlot {
  readonly sizeBytes: number;
  readonly text: string;
  replace(text: string): void;
}

function textSlots(record: Record<string, unknown>): TextSlot[] {
  return Object.entries(record).flatMap(([key, value]) => {
    if (typeof value === 'string') {
      const replace = (text: string): void => {
        record[key] = text;
      };
      return [{ sizeBytes: jsonSizeBytes(value), text: value, replace }];
    }
    return typeof value === 'object' && value !== null
      ? textSlots(value as Record<string, unknown>)
      : [];
  });
}

/**
 * Makes a payload fit by cutting its longest texts: control characters grow sixfold in JSON, so that even texts
 * within their own limits may not fit a small message. Never drops a field. Returns whether it fits now.
 */
export function fitPayload(payload: object, limitBytes: number): { fits: boolean; cut: boolean } {
  let cut = false;
  for (let round = 0; round < 64; round++) {
    const excessBytes = jsonSizeBytes(payload) - limitBytes;
    if (excessBytes <= 0) return { fits: true, cut };
    const longest = textSlots(payload as Record<string, unknown>).sort(
      (a, b) => b.sizeBytes - a.sizeBytes,
    )[0];
    if (longest === undefined || longest.sizeBytes <= shortestTextBytes) break;
    const keptShare = Math.max(0, (longest.sizeBytes - excessBytes) / longest.sizeBytes);
    const rawBytes = Buffer.byteLength(longest.text, 'utf8');
    const target = Math.min(Math.floor(rawBytes * keptShare), rawBytes - 1);
    longest.replace(cutUtf8(longest.text, Math.max(target, 0)));
    cut = true;
  }
  return { fits: jsonSizeBytes(payload) <= limitBytes, cut };
}
