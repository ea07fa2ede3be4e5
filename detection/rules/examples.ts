import type { EventValue, SigmaEvent } from '../engine/event-view.js';
import { RuleEngine } from '../engine/rule-engine.js';
import type { Logsource } from '../language/document.js';
import { RuleError } from '../language/rule-error.js';
import { memberOf, type YamlMap, type YamlNode } from '../language/yaml-node.js';
import { Detector } from './detector.js';
import type { LoadedCorrelation, LoadedRule, RuleSet } from './rule-set.js';

/** What an example of a rule shows. */
export interface ExampleOutcome {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  /** Undefined when the rule says of it what the example says. */
  readonly fault: string | undefined;
}

/** Examples under these keys, and whether the rule is true of them. */
const kinds = { matches: true, passes: false } as const;

/**
 * Judges the examples that rules carry in a member `examples`: under `matches` what a rule is true of, under `passes` what it
 * is not. That of a rule is the fields of an event; that of a correlation a list of `{rule, after, fields}`, with the rule
 * that the event is meant for, seconds since the one before, and its fields.
 */
export function runExamples(set: RuleSet): readonly ExampleOutcome[] {
  const ofRules = set.rules.flatMap((rule) =>
    outcomes(rule, (example) => {
      const engine = new RuleEngine([rule]);
      return engine.judge(eventOf(rule.logsource, example, 0)).hits.length > 0;
    }),
  );
  const ofCorrelations = set.correlations.flatMap((correlation) =>
    outcomes(correlation.correlation, (example) => isCompleted(correlation, example, set)),
  );
  return [...ofRules, ...ofCorrelations];
}

type Owner = Pick<LoadedRule, 'examples' | 'file' | 'id' | 'line'>;

function outcomes(owner: Owner, judge: (example: YamlNode) => boolean): readonly ExampleOutcome[] {
  const { examples, file, id: rule } = owner;
  if (examples === undefined) return [];
  return Object.entries(kinds).flatMap(([kind, expected]) => {
    const list = memberOf(examples, kind);
    const items = list === undefined ? [] : list.kind === 'list' ? list.items : [list];
    return items.map((example): ExampleOutcome => {
      const { line } = example;
      try {
        const fault =
          judge(example) === expected
            ? undefined
            : expected
              ? 'The rule is not true of this example.'
              : 'The rule is true of this example, and should not be.';
        return { rule, file, line, fault };
      } catch (error) {
        if (!(error instanceof RuleError)) throw error;
        return { rule, file, line: error.line ?? line, fault: error.message };
      }
    });
  });
}

function eventOf(logsource: Logsource, node: YamlNode, timeMs: number): SigmaEvent {
  if (node.kind !== 'map')
    throw new RuleError('Write the fields of the example as a map.', node.line);
  const fields = node.entries.map(({ key, value }) => [key, valueOf(value)] as const);
  return { logsource, fields: Object.fromEntries(fields), timeMs };
}

function valueOf(node: YamlNode): EventValue {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(valueOf);
  throw new RuleError('Make the value a text, a number or a list of them.', node.line);
}

function isCompleted({ correlation }: LoadedCorrelation, example: YamlNode, set: RuleSet): boolean {
  if (example.kind !== 'list')
    throw new RuleError('Write the example of a correlation as a list of events.', example.line);
  // Also what only serves another correlation is asked for here.
  const correlations = set.correlations.map((one) => ({ ...one, isSilent: false }));
  const detector = new Detector({ ...set, correlations });
  let timeMs = 0;
  return example.items
    .map((step) => {
      if (step.kind !== 'map') throw new RuleError('Make each event a map.', step.line);
      timeMs += 1000 * secondsOf(step);
      const event = eventOf(ruleOf(step, set).logsource, fieldsOf(step), timeMs);
      return detector.judge(event).hits.some(({ rule }) => rule.id === correlation.id);
    })
    .includes(true);
}

function secondsOf(step: YamlMap): number {
  const after = memberOf(step, 'after');
  if (after === undefined) return 0;
  if (after.kind === 'scalar' && typeof after.value === 'number' && after.value >= 0)
    return after.value;
  throw new RuleError('Give after the seconds since the event before.', after.line);
}

function ruleOf(step: YamlMap, { rules }: RuleSet): LoadedRule {
  const name = memberOf(step, 'rule');
  const text = name?.kind === 'scalar' ? name.text : undefined;
  const rule = rules.find((one) => text !== undefined && (one.id === text || one.name === text));
  if (rule === undefined)
    throw new RuleError('Name in rule the id or name of a rule that there is.', step.line);
  return rule;
}

function fieldsOf(step: YamlMap): YamlNode {
  const fields = memberOf(step, 'fields');
  if (fields === undefined) throw new RuleError('Add fields to the event.', step.line);
  return fields;
}
