import type { JsonValue } from './json.js';
import { printable } from './text.js';

/** A stranger's value in a sentence: text in quotes, numbers and truth values as they are, the rest by its type. */
export function quoted(value: JsonValue): string {
  switch (typeof value) {
    case 'string':
      return `"${printable(value, 40)}"`;
    case 'number':
    case 'boolean':
      return String(value);
    default:
      if (value === null) return 'null';
      return Array.isArray(value) ? 'a list' : 'an object';
  }
}
