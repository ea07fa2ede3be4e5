import type { Logsource } from '../language/document.js';
import type { Expression } from '../language/expression.js';
import { limits } from '../limits.js';
import { BudgetSpent } from './budget.js';
import { EventView, FieldNumbers, type SigmaEvent } from './event-view.js';
import { type Predicate, predicateOf } from './predicate.js';
import { WitnessIndex } from './witness-index.js';

export interface EngineRule {
  readonly logsource: Logsource;
  readonly expression: Expression;
}

export interface Judgement {
  /** Numbers of the rules that are true of the event, in their order. */
  readonly hits: readonly number[];
  /** All of the event was seen, and every rule that might be true of it was judged. */
  readonly isWhole: boolean;
}

interface EngineOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
  /** Told once of a rule that takes too long, and is judged no more. */
  readonly onSuspended?: (rule: number, averageMs: number) => void;
}

/**
 * Judges events by rules.
 *
 * 1. A rule is judged when an event holds one of its literals (`WitnessIndex`), and then in full: the outcome is that of
 *    judging all of them.
 * 2. An event has `limits.eventMs`; what has not been judged then is not, and the judgement says so.
 * 3. A rule that takes more than `limits.suspendMs` on the average is suspended and told.
 * 4. Nothing of an event is kept.
 */
export class RuleEngine {
  readonly #rules: readonly EngineRule[];
  readonly #predicates: readonly Predicate[];
  readonly #index: WitnessIndex;
  readonly #view: EventView;
  readonly #now: () => number;
  readonly #onSuspended: EngineOptions['onSuspended'];
  readonly #spentMs: Float64Array;
  readonly #judged: Uint32Array;
  readonly #suspended: Uint8Array;

  constructor(rules: readonly EngineRule[], options: EngineOptions = {}) {
    const numbers = new FieldNumbers();
    this.#rules = rules;
    this.#predicates = rules.map(({ expression }) => predicateOf(expression, numbers));
    this.#index = new WitnessIndex(rules, numbers);
    this.#now = options.now ?? (() => performance.now());
    this.#view = new EventView(numbers, this.#now);
    this.#onSuspended = options.onSuspended;
    this.#spentMs = new Float64Array(rules.length);
    this.#judged = new Uint32Array(rules.length);
    this.#suspended = new Uint8Array(rules.length);
  }

  /** Bytes of the tables of the index. */
  get tableBytes(): number {
    return this.#index.bytes;
  }

  /** Rules that every event of their log source is judged by. */
  get withoutWitness(): number {
    return this.#index.withoutWitness;
  }

  isSuspended(rule: number): boolean {
    return this.#suspended[rule] === 1;
  }

  judge(event: SigmaEvent): Judgement {
    const view = this.#view;
    view.load(event.fields);
    const hits: number[] = [];
    let isWhole = true;
    const candidates = this.#index.candidates(event.logsource, view);
    let began = candidates.length === 0 ? 0 : this.#now();
    for (const rule of candidates) {
      if (this.#suspended[rule] === 1) continue;
      const outcome = this.#test(rule);
      if (outcome === true) hits.push(rule);
      const now = this.#now();
      this.#account(rule, now - began);
      began = now;
      if (outcome === undefined) {
        isWhole = false;
        break;
      }
    }
    isWhole &&= !view.isCut;
    view.unload();
    return { hits, isWhole };
  }

  /** What `judge` says, without the index: each rule is judged. For tests and measurements. */
  judgeAll(event: SigmaEvent, applies: (rule: EngineRule) => boolean): readonly number[] {
    this.#view.load(event.fields);
    const all = [...this.#rules.keys()];
    const hits = all.filter((rule) => {
      const one = this.#rules[rule];
      return one !== undefined && applies(one) && this.#test(rule) === true;
    });
    this.#view.unload();
    return hits;
  }

  /** Undefined when the time of the event was spent. */
  #test(rule: number): boolean | undefined {
    try {
      return this.#predicates[rule]?.(this.#view) ?? false;
    } catch (error) {
      if (error instanceof BudgetSpent) return undefined;
      throw error;
    }
  }

  #account(rule: number, ms: number): void {
    // Whoever else had the processor meanwhile counts for no more than the event's own time.
    const spent = (this.#spentMs[rule] ?? 0) + Math.min(ms, limits.eventMs);
    const judged = (this.#judged[rule] ?? 0) + 1;
    this.#spentMs[rule] = spent;
    this.#judged[rule] = judged;
    if (judged < limits.suspendAfter || spent <= judged * limits.suspendMs) return;
    this.#suspended[rule] = 1;
    this.#onSuspended?.(rule, spent / judged);
  }
}
