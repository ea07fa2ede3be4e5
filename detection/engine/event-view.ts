import { endsOf } from '../language/ends.js';
import { fold } from '../language/fold.js';
import type { Logsource } from '../language/document.js';
import { limits } from '../limits.js';
import { Budget } from './budget.js';

export type EventValue = string | number | boolean | null | readonly EventValue[];

/** What rules are judged on. */
export interface SigmaEvent {
  readonly logsource: Logsource;
  /** By Sigma's names. A field that is a list matches when one of its members does. */
  readonly fields: Readonly<Record<string, EventValue>>;
  /** When it happened, ms since 1970. */
  readonly timeMs: number;
}

/** The number of a field; that of the whole event is 0. */
export const wholeEvent = 0;

/** Gives each field that rules ask for its number. */
export class FieldNumbers {
  readonly #numbers = new Map<string, number>();

  get size(): number {
    return this.#numbers.size + 1;
  }

  of(field: string): number {
    const known = this.#numbers.get(field);
    if (known !== undefined) return known;
    const number = this.size;
    this.#numbers.set(field, number);
    return number;
  }

  find(field: string): number | undefined {
    return this.#numbers.get(field);
  }
}

/**
 * One event at a time, as rules see it: each value a text, folded once however many rules look at it. An event takes the
 * place of the one before it; nothing is kept of that.
 */
export class EventView {
  readonly budget: Budget;
  readonly #numbers: FieldNumbers;
  #fields: SigmaEvent['fields'] = {};
  #texts: (readonly string[] | undefined)[] = [];
  #folded: (readonly string[] | undefined)[] = [];
  #whole: string | undefined;
  #wholeFolded: string | undefined;
  #room = 0;
  /** Something of the event was longer, or more, than is judged. */
  isCut = false;

  constructor(numbers: FieldNumbers, now: () => number = () => performance.now()) {
    this.#numbers = numbers;
    this.budget = new Budget(now, limits.eventMs);
  }

  load(fields: SigmaEvent['fields']): void {
    this.budget.start();
    this.#fields = fields;
    this.#texts = new Array<readonly string[] | undefined>(this.#numbers.size);
    this.#folded = new Array<readonly string[] | undefined>(this.#numbers.size);
    this.#whole = undefined;
    this.#wholeFolded = undefined;
    this.#room = limits.eventText;
    this.isCut = false;
    let count = 0;
    for (const field in fields) {
      if (!Object.hasOwn(fields, field)) continue;
      if (++count > limits.fields) {
        this.isCut = true;
        break;
      }
      const number = this.#numbers.find(field);
      const value = fields[field];
      if (number !== undefined && value !== undefined) this.#texts[number] = this.#textsOf(value);
    }
  }

  /** Nothing is kept of the event. */
  unload(): void {
    this.#fields = {};
    this.#texts = [];
    this.#folded = [];
    this.#whole = this.#wholeFolded = undefined;
  }

  /** Undefined: the field is absent. Empty: it has no value. */
  texts(field: number): readonly string[] | undefined {
    return field === wholeEvent ? [this.#wholeText()] : this.#texts[field];
  }

  /** As `texts`, without case. */
  folded(field: number): readonly string[] | undefined {
    if (field === wholeEvent) return [(this.#wholeFolded ??= fold(this.#wholeText()))];
    const known = this.#folded[field];
    if (known !== undefined) return known;
    const texts = this.#texts[field];
    if (texts === undefined) return undefined;
    const [only] = texts;
    const folded = texts.length === 1 && only !== undefined ? [fold(only)] : texts.map(fold);
    this.#folded[field] = folded;
    return folded;
  }

  /** All values, joined by one blank, in the order of the fields. */
  #wholeText(): string {
    if (this.#whole !== undefined) return this.#whole;
    const all: string[] = [];
    this.#room = limits.eventText;
    for (const field of Object.keys(this.#fields).slice(0, limits.fields)) {
      const value = this.#fields[field];
      if (value !== undefined) all.push(...this.#textsOf(value));
    }
    return (this.#whole = endsOf(all.join(' '), limits.text));
  }

  #textsOf(value: EventValue): readonly string[] {
    if (typeof value === 'string') return [this.#cut(value)];
    if (!Array.isArray(value)) {
      // An object, out of a stranger's JSON, is no value of any log.
      return value === null || typeof value === 'object' ? [] : [String(value)];
    }
    const texts: string[] = [];
    for (const member of value as readonly EventValue[]) {
      if (texts.length >= limits.members) {
        this.isCut = true;
        break;
      }
      // A list in a list is no value of any log.
      if (member === null || typeof member === 'object') continue;
      texts.push(typeof member === 'string' ? this.#cut(member) : String(member));
    }
    return texts;
  }

  #cut(text: string): string {
    const most = Math.min(limits.text, this.#room);
    this.#room -= Math.min(text.length, most);
    if (text.length <= most) return text;
    this.isCut = true;
    return endsOf(text, most);
  }
}
