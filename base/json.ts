import { printable } from './text.js';

/** What JSON can say (RFC 8259). */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text is not JSON, or too long or too deeply nested to be accepted. */
export class JsonError extends Error {
  override readonly name = 'JsonError';

  constructor(
    /** What was found, without its position. */
    readonly fault: string,
    /** 1-based. */
    readonly line: number,
    /** 1-based, in UTF-16 units. */
    readonly column: number,
  ) {
    super(`line ${line}, column ${column}: ${fault}`);
  }
}

interface JsonLimits {
  /** Longest text accepted, in UTF-16 units. */
  readonly maxLength: number;
  /** Deepest nesting accepted; a twin holds 10 levels at most. */
  readonly maxDepth: number;
}

const usualLimits: JsonLimits = { maxLength: 1_048_576, maxDepth: 32 };

/**
 * Parses JSON that a stranger wrote. `JSON.parse` does not always say where it stopped, accepts any depth and lets
 * `__proto__` through as an own key, which a later assignment would turn into a prototype; here such a key is dropped.
 * A key written twice is an error: one of the two values would be lost without a word.
 * @throws JsonError
 */
export function parseJson(text: string, limits: JsonLimits = usualLimits): JsonValue {
  return new JsonReader(text, limits).read();
}

const space = /[ \t\r\n]*/y;
const stringToken = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalarToken = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

class JsonReader {
  #position = 0;
  readonly #text: string;
  readonly #limits: JsonLimits;

  constructor(text: string, limits: JsonLimits) {
    this.#text = text;
    this.#limits = limits;
  }

  read(): JsonValue {
    if (this.#text.length > this.#limits.maxLength) {
      throw this.#error(`the text is longer than ${this.#limits.maxLength} characters`);
    }
    const value = this.#value(0);
    if (this.#peek() !== '') throw this.#error(`unexpected ${this.#shown()} after the end`);
    return value;
  }

  #value(depth: number): JsonValue {
    const next = this.#peek();
    if (next === '{' || next === '[') {
      if (depth >= this.#limits.maxDepth) {
        throw this.#error(`nested more than ${this.#limits.maxDepth} levels deep`);
      }
      return next === '{' ? this.#object(depth + 1) : this.#array(depth + 1);
    }
    if (next === '"') return this.#string();
    const token = this.#take(scalarToken);
    if (!token) throw this.#error(`a value is expected, not ${this.#shown()}`);
    const value = JSON.parse(token) as boolean | number | null;
    if (value === Infinity || value === -Infinity) throw this.#error('the number is too large');
    return value;
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>();
    this.#position += 1;
    if (this.#skip('}')) return {};
    do {
      if (this.#peek() !== '"') throw this.#error(`a key is expected, not ${this.#shown()}`);
      const keyPosition = this.#position;
      const key = this.#string();
      if (members.has(key)) {
        this.#position = keyPosition;
        throw this.#error(
          `the key ${printable(JSON.stringify(key), 80)} stands twice in the same object`,
        );
      }
      if (!this.#skip(':')) throw this.#error(`":" is expected, not ${this.#shown()}`);
      members.set(key, this.#value(depth));
    } while (this.#skip(','));
    if (!this.#skip('}')) throw this.#error(`"," or "}" is expected, not ${this.#shown()}`);
    members.delete('__proto__');
    return Object.fromEntries(members);
  }

  #array(depth: number): readonly JsonValue[] {
    const items: JsonValue[] = [];
    this.#position += 1;
    if (this.#skip(']')) return items;
    do items.push(this.#value(depth));
    while (this.#skip(','));
    if (!this.#skip(']')) throw this.#error(`"," or "]" is expected, not ${this.#shown()}`);
    return items;
  }

  #string(): string {
    const token = this.#take(stringToken);
    if (!token) throw this.#error('the string has no end, or a control character or bad escape');
    return JSON.parse(token) as string;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#position;
    const token = pattern.exec(this.#text)?.[0] ?? '';
    this.#position += token.length;
    return token;
  }

  /** The next character that is not white space, which becomes the current one; empty at the end. */
  #peek(): string {
    this.#take(space);
    return this.#text.charAt(this.#position);
  }

  #skip(character: string): boolean {
    if (this.#peek() !== character) return false;
    this.#position += 1;
    return true;
  }

  #shown(): string {
    const character = this.#text.charAt(this.#position);
    return character === '' ? 'the end of the text' : printable(JSON.stringify(character));
  }

  #error(fault: string): JsonError {
    const before = this.#text.slice(0, this.#position);
    const lineStart = before.lastIndexOf('\n') + 1;
    return new JsonError(fault, before.split('\n').length, before.length - lineStart + 1);
  }
}
