import type { Logsource } from '../language/document.js';
import { covers } from '../language/document.js';
import type { Expression } from '../language/expression.js';
import { Automaton } from './automaton.js';
import { type EventView, type FieldNumbers } from './event-view.js';
import { type Literal, witnessOf } from './witness.js';

interface Indexed {
  readonly logsource: Logsource;
  readonly expression: Expression;
}

/** The literals of one field, and the rules that each is a witness of. */
interface FieldIndex {
  readonly field: number;
  readonly automaton: Automaton;
  /** By the number of the literal. */
  readonly rules: readonly Uint16Array[];
}

/** What a log source leaves of the rules. */
interface Plan {
  /** 1 for each rule that is about it. */
  readonly applies: Uint8Array;
  /** Rules without a witness. */
  readonly always: readonly number[];
  readonly fields: readonly FieldIndex[];
}

/** Log sources that are remembered; more than there are kinds of events. */
const mostPlans = 64;

/**
 * Which rules may be true of an event. Each rule stands under literals of which one must be in the event, so that most rules
 * are not looked at: what is left is judged in full.
 */
export class WitnessIndex {
  readonly #rules: readonly Indexed[];
  readonly #fields: readonly FieldIndex[];
  readonly #without: readonly number[];
  readonly #plans = new Map<string, Plan>();
  /** The event in which a rule became a candidate last. */
  readonly #seen: Uint32Array;
  #event = 0;

  constructor(rules: readonly Indexed[], numbers: FieldNumbers) {
    this.#rules = rules;
    this.#seen = new Uint32Array(rules.length);
    const byField = new Map<number, Map<string, number[]>>();
    const without: number[] = [];
    for (const [rule, { expression }] of rules.entries()) {
      const witness = witnessOf(expression, numbers);
      if (witness === undefined) without.push(rule);
      else for (const literal of witness) file(byField, literal, rule);
    }
    this.#without = without;
    this.#fields = [...byField].map(([field, literals]) => fieldIndex(field, literals));
  }

  /** Rules that every event of their log source is judged by. */
  get withoutWitness(): number {
    return this.#without.length;
  }

  /** Bytes of its tables. */
  get bytes(): number {
    return this.#fields.reduce(
      (sum, { automaton, rules }) =>
        sum + automaton.bytes + rules.reduce((all, list) => all + list.byteLength + 64, 0),
      0,
    );
  }

  /** The candidates among the rules, in their order. */
  candidates(logsource: Logsource, view: EventView): readonly number[] {
    const plan = this.#planOf(logsource);
    const found = [...plan.always];
    this.#event = (this.#event + 1) >>> 0;
    if (this.#event === 0) {
      this.#seen.fill(0);
      this.#event = 1;
    }
    for (const { automaton, field, rules } of plan.fields) {
      const texts = view.folded(field);
      if (texts === undefined) continue;
      automaton.begin();
      for (const text of texts) {
        automaton.scan(text, (literal) => {
          for (const rule of rules[literal] ?? []) {
            if (plan.applies[rule] !== 1 || this.#seen[rule] === this.#event) continue;
            this.#seen[rule] = this.#event;
            found.push(rule);
          }
        });
      }
    }
    return found.length > 1 ? found.sort((a, b) => a - b) : found;
  }

  #planOf(logsource: Logsource): Plan {
    const { category = '', product = '', service = '' } = logsource;
    const key = `${category}\n${product}\n${service}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const applies = Uint8Array.from(this.#rules, (rule) =>
      covers(rule.logsource, logsource) ? 1 : 0,
    );
    const isAbout = (rule: number): boolean => applies[rule] === 1;
    const plan: Plan = {
      applies,
      always: this.#without.filter(isAbout),
      fields: this.#fields.filter(({ rules }) => rules.some((list) => list.some(isAbout))),
    };
    if (this.#plans.size >= mostPlans) this.#plans.clear();
    this.#plans.set(key, plan);
    return plan;
  }
}

function file(
  byField: Map<number, Map<string, number[]>>,
  { field, text }: Literal,
  rule: number,
): void {
  let literals = byField.get(field);
  if (literals === undefined) {
    literals = new Map<string, number[]>();
    byField.set(field, literals);
  }
  const rules = literals.get(text);
  if (rules === undefined) literals.set(text, [rule]);
  else rules.push(rule);
}

function fieldIndex(field: number, literals: ReadonlyMap<string, readonly number[]>): FieldIndex {
  const automaton = new Automaton([...literals.keys()]);
  const rules: number[][] = [...literals.keys()].map(() => []);
  for (const [literal, filed] of [...literals.values()].entries())
    rules[automaton.toldAs(literal)]?.push(...filed);
  return { field, automaton, rules: rules.map((list) => Uint16Array.from(new Set(list))) };
}
