import type { JsonObject, JsonValue } from '../../base/json.js';
import { Correlator } from '../correlation/correlator.js';
import type { SigmaEvent } from '../engine/event-view.js';
import { RuleEngine } from '../engine/rule-engine.js';
import type { Header, Level } from '../language/document.js';
import type { RuleSet } from './rule-set.js';

/** That an event raises an alert. */
export interface Hit {
  readonly rule: Header;
  /** Undefined where the rule says none. */
  readonly level: Level | undefined;
}

export interface Verdict {
  readonly hits: readonly Hit[];
  /** See `Judgement.isWhole`. */
  readonly isWhole: boolean;
}

interface DetectorOptions {
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
  /** Told once of a rule that takes too long, and is judged no more. */
  readonly onSuspended?: (rule: Header, averageMs: number) => void;
}

/** Judges a stream of events by a set of rules, and by the correlations over them. */
export class Detector {
  readonly #set: RuleSet;
  readonly #engine: RuleEngine;
  readonly #correlator: Correlator;

  constructor(set: RuleSet, options: DetectorOptions = {}) {
    const { now, onSuspended } = options;
    this.#set = set;
    this.#engine = new RuleEngine(set.rules, {
      ...(now !== undefined && { now }),
      onSuspended: (rule, averageMs) => {
        const header = set.rules[rule];
        if (header !== undefined) onSuspended?.(header, averageMs);
      },
    });
    this.#correlator = new Correlator(set.correlations);
  }

  get suspended(): readonly Header[] {
    return this.#set.rules.filter((_, rule) => this.#engine.isSuspended(rule));
  }

  /** Entries of correlations that were dropped before their time. */
  get forgotten(): number {
    return this.#correlator.forgotten;
  }

  /** Bytes of the tables of the index. */
  get tableBytes(): number {
    return this.#engine.tableBytes;
  }

  judge(event: SigmaEvent): Verdict {
    const { hits, isWhole } = this.#engine.judge(event);
    if (hits.length === 0) return { hits: [], isWhole };
    const rules = hits.flatMap((rule) => this.#set.rules[rule] ?? []);
    const alerts: Hit[] = rules
      .filter(({ isSilent }) => !isSilent)
      .map((rule) => ({ rule, level: rule.level }));
    const ids = rules.map(({ id }) => id);
    const completed = new Set(this.#correlator.push(ids, event));
    for (const { correlation, isSilent, level } of this.#set.correlations)
      if (!isSilent && completed.has(correlation.id)) alerts.push({ rule: correlation, level });
    return { hits: alerts, isWhole };
  }

  /** Grows with whatever correlations count. */
  get counted(): number {
    return this.#correlator.counted;
  }

  /** What correlations have counted, for `restore` after a restart. */
  save(): JsonObject {
    return this.#correlator.save();
  }

  restore(saved: JsonValue): void {
    this.#correlator.restore(saved);
  }
}
