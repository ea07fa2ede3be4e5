import { limits } from '../limits.js';
import { parseCondition } from './condition.js';
import type { Header } from './document.js';
import type { Comparison, Expression } from './expression.js';
import { RuleError } from './rule-error.js';
import {
  mapMember,
  memberOf,
  requiredText,
  textMember,
  textsMember,
  word,
  type YamlMap,
} from './yaml-node.js';

const counted = ['event_count', 'temporal', 'temporal_ordered'] as const;
const valued = [
  'value_count',
  'value_sum',
  'value_avg',
  'value_min',
  'value_max',
  'value_median',
  'value_percentile',
] as const;
export const correlationTypes = [...counted, ...valued] as const;
export type CorrelationType = (typeof correlationTypes)[number];

/** Bounds that a number must keep, all of them. */
export type Bounds = readonly (readonly [Comparison, number])[];

export interface Correlation extends Header {
  readonly kind: 'correlation';
  readonly type: CorrelationType;
  /** Ids and names of rules and of other correlations, in their order. */
  readonly rules: readonly string[];
  readonly groupBy: readonly string[];
  /** Of an alias, for each rule as it is named here, the field. */
  readonly aliases: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly timespanMs: number;
  /** Of events, of different values or of rules that matched, or what is worked out of values. Empty: all rules. */
  readonly bounds: Bounds;
  /** Of the types `temporal…`: which of the rules must have matched; names stand for rules. */
  readonly expression: Expression | undefined;
  /** The fields whose values are counted or worked with. */
  readonly fields: readonly string[];
  /** Of `value_percentile`: which; undefined asks for the share of the event's own value. */
  readonly percentile: number | undefined;
  /** The rules raise alerts of their own, too. */
  readonly generate: boolean;
}

const criteria = ['gt', 'gte', 'lt', 'lte', 'eq'] as const;
const milliseconds: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** @throws RuleError */
export function parseCorrelation(map: YamlMap, header: Header): Correlation {
  const section = mapMember(map, 'correlation');
  if (section === undefined) throw new RuleError('Make correlation a map.', map.line);
  const type = typeOf(section);
  const rules = textsMember(section, 'rules', 100);
  if (rules.length === 0)
    throw new RuleError('Name the rules that are correlated in rules.', section.line);
  if (new Set(rules).size < rules.length)
    throw new RuleError('Name every rule of a correlation once.', memberOf(section, 'rules')?.line);
  const groupBy = textsMember(section, 'group-by', 16);
  const condition = conditionOf(section, type, rules);
  const generate = memberOf(section, 'generate') ?? memberOf(map, 'generate');
  if (generate !== undefined && (generate.kind !== 'scalar' || typeof generate.value !== 'boolean'))
    throw new RuleError('Make generate true or false.', generate.line);
  return {
    ...header,
    kind: 'correlation',
    type,
    rules,
    groupBy,
    aliases: aliasesOf(section, rules),
    timespanMs: timespanOf(section),
    ...condition,
    generate: generate?.kind === 'scalar' && generate.value === true,
  };
}

function typeOf(section: YamlMap): CorrelationType {
  const text = requiredText(section, 'type', 64);
  const type = correlationTypes.find((one) => one === text);
  if (type !== undefined) return type;
  throw new RuleError(
    `Correct type: ${word(text)} is none of ${correlationTypes.join(', ')}.`,
    memberOf(section, 'type')?.line,
  );
}

function timespanOf(section: YamlMap): number {
  const text = requiredText(section, 'timespan', 16);
  const line = memberOf(section, 'timespan')?.line;
  const [, number = '', unit = ''] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  const ms = Number(number) * (milliseconds[unit] ?? 0);
  if (!(ms > 0))
    throw new RuleError(`Write timespan as a number with s, m, h or d, such as 90m.`, line);
  if (ms > limits.timespanMs)
    throw new RuleError(`Make timespan at most ${limits.timespanMs / 86_400_000}d.`, line);
  return ms;
}

function aliasesOf(section: YamlMap, rules: readonly string[]): Correlation['aliases'] {
  const aliases = new Map<string, ReadonlyMap<string, string>>();
  for (const { key, value, line } of mapMember(section, 'aliases')?.entries ?? []) {
    if (value.kind !== 'map')
      throw new RuleError(`Give the alias ${word(key)} a field for each rule.`, line);
    const fields = new Map<string, string>();
    for (const entry of value.entries) {
      if (!rules.includes(entry.key))
        throw new RuleError(
          `Correct the alias ${word(key)}: ${word(entry.key)} is none of the rules.`,
          entry.line,
        );
      if (entry.value.kind !== 'scalar' || entry.value.text === '')
        throw new RuleError(`Name the field of ${word(entry.key)}.`, entry.line);
      fields.set(entry.key, entry.value.text);
    }
    aliases.set(key, fields);
  }
  if (aliases.size > 16) throw new RuleError('Define at most 16 aliases.', section.line);
  return aliases;
}

type Condition = Pick<Correlation, 'bounds' | 'expression' | 'fields' | 'percentile'>;

function conditionOf(section: YamlMap, type: CorrelationType, rules: readonly string[]): Condition {
  const node = memberOf(section, 'condition');
  const isTemporal = type === 'temporal' || type === 'temporal_ordered';
  const none: Condition = { bounds: [], expression: undefined, fields: [], percentile: undefined };
  if (node === undefined) {
    if (isTemporal) return none;
    throw new RuleError(`Add a condition: ${type} needs one.`, section.line);
  }
  if (node.kind === 'scalar' && isTemporal)
    return { ...none, expression: ruleCondition(node.text, node.line, rules) };
  if (node.kind !== 'map') throw new RuleError('Make condition a map such as gte: 10.', node.line);
  const bounds = boundsOf(node, type);
  const fields = textsMember(node, 'field', 8);
  const isValued = valued.some((one) => one === type);
  if (isValued && fields.length === 0)
    throw new RuleError(`Name the field whose values ${type} takes.`, node.line);
  if (fields.length > 1 && type !== 'value_count')
    throw new RuleError(`Name one field: ${type} takes the values of one.`, node.line);
  return { ...none, bounds, fields, percentile: percentileOf(node, type) };
}

function boundsOf(node: YamlMap, type: CorrelationType): Bounds {
  const bounds = node.entries.flatMap(({ key, value, line }): Bounds => {
    if (key === 'field' || key === 'percentile') return [];
    const criterion = criteria.find((one) => one === key);
    if (criterion === undefined)
      throw new RuleError(`Correct ${word(key)}: it is none of ${criteria.join(', ')}.`, line);
    if (value.kind !== 'scalar' || typeof value.value !== 'number')
      throw new RuleError(`Give ${key} a number.`, line);
    return [[criterion, value.value]];
  });
  if (bounds.length === 0)
    throw new RuleError(`Add one of ${criteria.join(', ')} to the condition.`, node.line);
  const most = limits.entriesOfGroup;
  const isCount = type === 'event_count' || type === 'value_count';
  if (isCount && bounds.some(([, value]) => value >= most))
    throw new RuleError(`Ask for fewer than ${most}: so many are kept.`, node.line);
  return bounds;
}

function percentileOf(node: YamlMap, type: CorrelationType): number | undefined {
  const text = textMember(node, 'percentile', 16);
  if (text === undefined) return undefined;
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN;
  if (type === 'value_percentile' && value >= 0 && value <= 100) return value;
  throw new RuleError(
    'Give percentile a number from 0 to 100, and to value_percentile alone.',
    node.line,
  );
}

/** A condition over rules: each name is true when the rule has matched in the window. */
function ruleCondition(text: string, line: number, rules: readonly string[]): Expression {
  return parseCondition(text, line, {
    names: rules,
    noun: 'rule in rules',
    expressionOf: () => ({ kind: 'or', parts: [] }),
  });
}
