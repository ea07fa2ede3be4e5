import type { JsonObject, JsonValue } from '../../base/json.js';
import type { ReportLoss } from '../../base/loss.js';
import type { Observation } from '../../collectors/interface/collector.js';
import type { RawFacts } from '../../collectors/interface/raw-facts.js';
import type { EventName } from '../../contract/events.js';
import type { SigmaEvent } from '../../detection/engine/event-view.js';
import { Projection } from '../../detection/fields/project.js';
import type { Header } from '../../detection/language/document.js';
import { Detector, type Hit } from '../../detection/rules/detector.js';
import type { RuleSet } from '../../detection/rules/rule-set.js';
import { type Alert, alertOf } from './alert.js';

/** What is judged of an observation. */
export type Judged = Pick<Observation, 'argv' | 'detailArgv' | 'raw' | 'timeMs'> & {
  readonly payload: object;
};

interface JudgeOptions {
  readonly lose: ReportLoss;
  /** Correlations have counted something. */
  readonly onCounted?: () => void;
  /** A rule that takes too long, and is judged no more. */
  readonly onSuspended: (rule: Header, averageMs: number) => void;
}

/**
 * Judges what is observed by one set of rules. Loaded with all that reads and judges rules, by whoever has some.
 *
 * 1. An event is judged once as each log source that it is an event of and that a rule asks for; a rule that is true of
 *    several of them has hit once.
 * 2. What an event was not judged by, and what correlations forgot, is counted.
 */
export class Judge {
  private readonly detector: Detector;
  private readonly projection: Projection;
  private counted = 0;
  private forgotten = 0;

  constructor(
    readonly set: RuleSet,
    private readonly options: JudgeOptions,
  ) {
    this.detector = new Detector(set, { onSuspended: options.onSuspended });
    this.projection = new Projection(set.rules, correlatedFields(set));
  }

  get suspended(): readonly Header[] {
    return this.detector.suspended;
  }

  /** What correlations have counted, for `takeOver`. */
  memory(): JsonObject {
    return this.detector.save();
  }

  /** Goes on with what correlations had counted, as far as they have not changed. */
  takeOver(memory: JsonValue): void {
    this.detector.restore(memory);
  }

  /** Whether a rule is about such events. */
  asksFor(event: EventName): boolean {
    return this.projection.asksFor(event);
  }

  judge(event: EventName, judged: Judged): Alert | undefined {
    if (!this.projection.asksFor(event)) return undefined;
    const { lose } = this.options;
    const { payload, timeMs } = judged;
    // Payloads are declared: text, numbers, truth, and text in ExtraDetails.
    const observed = { event, payload: payload as JsonObject, raw: rawOf(judged) };
    const hits: Hit[] = [];
    let isWhole = true;
    for (const sigma of this.projection.eventsOf(observed, timeMs))
      isWhole = this.judgeAs(sigma, hits) && isWhole;
    if (!isWhole) lose('judgedInPart', 1);
    this.followCorrelations();
    return hits.length === 0 ? undefined : alertOf(hits);
  }

  private judgeAs(sigma: SigmaEvent, hits: Hit[]): boolean {
    const verdict = this.detector.judge(sigma);
    for (const hit of verdict.hits)
      if (!hits.some(({ rule }) => rule.id === hit.rule.id)) hits.push(hit);
    return verdict.isWhole;
  }

  private followCorrelations(): void {
    const { counted, forgotten } = this.detector;
    const { lose, onCounted } = this.options;
    if (counted !== this.counted) onCounted?.();
    if (forgotten > this.forgotten) lose('correlationsForgotten', forgotten - this.forgotten);
    this.counted = counted;
    this.forgotten = forgotten;
  }
}

function rawOf({ argv, detailArgv, raw }: Judged): RawFacts {
  const parent = detailArgv?.['ParentCommandLine'];
  const facts: { -readonly [K in keyof RawFacts]: RawFacts[K] } = raw?.() ?? {};
  if (argv !== undefined) facts.arguments = argv;
  if (parent !== undefined) facts.parentArguments = parent;
  return facts;
}

/** What correlations group by and count. */
function* correlatedFields({ correlations }: RuleSet): Generator<string> {
  for (const { correlation } of correlations) {
    yield* correlation.groupBy;
    yield* correlation.fields;
    for (const fields of correlation.aliases.values()) yield* fields.values();
  }
}
