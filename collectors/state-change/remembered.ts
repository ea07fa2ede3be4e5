import { createHmac, randomBytes } from 'node:crypto';
import type { JsonObject } from '../../base/json.js';
import type { Items } from '../interface/state-subject.js';

/** What is kept of a subject from one look to the next, over restarts. */
export interface Remembered {
  readonly items: Items;
  /** When it was seen so, wall clock, ms. */
  readonly lookedMs: number;
  /** Of the marks that are in the texts, in hexadecimal; absent where there are none. */
  readonly key?: string;
}

/** Items and texts by turns, because a name may be `__proto__`. */
export function storedForm({ items, lookedMs, key }: Remembered): JsonObject {
  return { lookedMs, ...(key !== undefined && { key }), items: [...items].flat() };
}

/** Undefined where it is not what `storedForm` makes: then nothing is remembered. */
export function parseRemembered(stored: JsonObject | undefined): Remembered | undefined {
  const { items, lookedMs, key } = stored ?? {};
  if (typeof lookedMs !== 'number' || !Array.isArray(items) || items.length % 2 !== 0)
    return undefined;
  if (key !== undefined && (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key)))
    return undefined;
  const pairs = new Map<string, string>();
  for (let at = 0; at < items.length; at += 2) {
    const [item, text] = [items[at] as unknown, items[at + 1] as unknown];
    if (typeof item !== 'string' || typeof text !== 'string') return undefined;
    pairs.set(item, text);
  }
  return { items: pairs, lookedMs, ...(key !== undefined && { key }) };
}

/** 64 bits: two different secrets of one account do not have the same by chance. */
const markCharacters = 16;

/** Makes the marks of one subject; the key is made with the first of them, where none is remembered. */
export class Marks {
  constructor(private kept: string | undefined) {}

  get key(): string | undefined {
    return this.kept;
  }

  readonly of = (secret: string): string => {
    this.kept ??= randomBytes(32).toString('hex');
    const hmac = createHmac('sha256', Buffer.from(this.kept, 'hex')).update(secret);
    return hmac.digest('hex').slice(0, markCharacters);
  };
}
