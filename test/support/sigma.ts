import type { EventValue, SigmaEvent } from '../../detection/engine/event-view.js';
import type { Placeholders, Tuning } from '../../detection/language/placeholders.js';
import { loadRuleReaders } from '../../detection/language/read-rules.js';
import { Detector } from '../../detection/rules/detector.js';
import { buildRuleSet, type RuleSet } from '../../detection/rules/rule-set.js';

export type Fields = Readonly<Record<string, EventValue>>;

export const newReader = await loadRuleReaders();

/** The set that one file makes. */
export const setOf = (text: string, tuning?: Tuning): RuleSet =>
  buildRuleSet([newReader()({ name: 'rules.yml', text }, tuning)]);

export const startOf = (fields: Fields, timeMs = 0): SigmaEvent => ({
  logsource: { category: 'process_creation', product: 'linux' },
  fields,
  timeMs,
});

/** A rule about started programs with this section `detection`, as lines without their indentation. */
export const ruleOf = (detection: string, id = 'r'): string =>
  `title: A rule\nid: ${id}\nlevel: high\nlogsource:\n  category: process_creation\ndetection:\n${detection
    .trim()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\n`;

/** The one detection `s`, as its condition. */
export const selection = (lines: string): string =>
  `s:\n${lines
    .trim()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\ncondition: s`;

/** Whether a section `detection` is true of a started program. Throws the reason when it is refused. */
export function isTrue(detection: string, fields: Fields, placeholders?: Placeholders): boolean {
  const set = setOf(ruleOf(detection), placeholders && { r: placeholders });
  const [refusal] = set.refusals;
  if (refusal !== undefined) throw new Error(refusal.reason);
  return new Detector(set).judge(startOf(fields)).hits.length > 0;
}

/** Why a text is refused, each reason with its line. */
export const reasonsOf = (text: string): readonly string[] =>
  setOf(text).refusals.map(({ line, reason }) => `${line ?? '-'}: ${reason}`);

/** For each event the ids of the rules and correlations that it raises. */
export function alertsOf(text: string, events: readonly SigmaEvent[]): readonly string[][] {
  const set = setOf(text);
  const [refusal] = set.refusals;
  if (refusal !== undefined) throw new Error(refusal.reason);
  const detector = new Detector(set);
  return events.map((event) => detector.judge(event).hits.map(({ rule }) => rule.id));
}
