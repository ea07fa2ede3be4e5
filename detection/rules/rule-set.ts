import type { ResolvedCorrelation } from '../correlation/correlator.js';
import { needsOf } from '../fields/needs.js';
import {
  covers,
  type DetectionRule,
  type Filter,
  type Header,
  type Level,
  levels,
  type RuleOrigin,
  ruleOrigins,
} from '../language/document.js';
import type { Expression } from '../language/expression.js';
import type { RuleDocument } from '../language/parse-document.js';
import type { ReadDocuments, Refusal } from '../language/read-rules.js';
import { word } from '../language/yaml-node.js';
import { limits } from '../limits.js';
import { type Refuse, resolveCorrelations, type Resolved } from './references.js';

export interface LoadedRule extends DetectionRule {
  /** What its events or fields need that we do not have; see `needsOf`. */
  readonly needs: readonly string[];
  /** It only serves correlations, and is no alert of its own. */
  readonly isSilent: boolean;
}

export interface LoadedCorrelation extends ResolvedCorrelation {
  /** Its own level, or the highest of its rules. */
  readonly level: Level | undefined;
  readonly isSilent: boolean;
}

export interface RuleSet {
  /** Filters are joined into their conditions. */
  readonly rules: readonly LoadedRule[];
  /** Each after those that it is made of. */
  readonly correlations: readonly LoadedCorrelation[];
  readonly filters: readonly Filter[];
  readonly refusals: readonly Refusal[];
  /** Of lower origin than another document with the same id, and not used. */
  readonly overridden: readonly Header[];
  /** What filters name and cannot change. */
  readonly notes: readonly Refusal[];
}

/** Makes one set of what was read; what contradicts the rest is refused alone. */
export function buildRuleSet(read: readonly ReadDocuments[]): RuleSet {
  const refusals = read.flatMap((one) => one.refusals);
  const refuse: Refuse = ({ file, line, source }, reason) =>
    void refusals.push({ file, line, reason, source });
  const all = read.flatMap((one) => one.documents);
  const highest = highestOrigins(all);
  const isOverridden = ({ id, source }: Header): boolean => source !== highest.get(id);
  const documents = uniqueDocuments(
    all.filter((one) => !isOverridden(one)),
    refuse,
  );
  const filters = documents.filter((one) => one.kind === 'filter');
  const bare = documents.filter((one) => one.kind === 'rule');
  const correlations = resolveCorrelations(
    documents.filter((one) => one.kind === 'correlation'),
    bare,
    refuse,
  );
  const isSilent = silence(correlations);
  return {
    rules: bare.map((rule) => ({
      ...rule,
      expression: filtered(rule, filters),
      needs: needsOf(rule),
      isSilent: isSilent(rule.id),
    })),
    correlations: withLevels(correlations, bare, isSilent),
    filters,
    refusals,
    overridden: all.filter(isOverridden),
    notes: filters.flatMap((filter) => notesOf(filter, bare)),
  };
}

function highestOrigins(all: readonly Header[]): ReadonlyMap<string, RuleOrigin> {
  const highest = new Map<string, RuleOrigin>();
  for (const { id, source } of all) {
    const other = highest.get(id);
    if (other === undefined || ruleOrigins.indexOf(source) > ruleOrigins.indexOf(other))
      highest.set(id, source);
  }
  return highest;
}

function uniqueDocuments(all: readonly RuleDocument[], refuse: Refuse): readonly RuleDocument[] {
  const taken = new Map<string, Header>();
  const kept: RuleDocument[] = [];
  for (const document of all) {
    if (kept.length >= limits.rules) {
      refuse(document, `Remove some rules: ${limits.rules} are used, and this is one more.`);
      continue;
    }
    const names = [document.id, ...(document.name === undefined ? [] : [document.name])];
    const other = names.map((name) => taken.get(name)).find((one) => one !== undefined);
    if (other !== undefined) {
      refuse(
        document,
        `Give the document an id and a name of its own: ${word(document.id)} is also in ${other.file}, line ${other.line}.`,
      );
      continue;
    }
    for (const name of names) taken.set(name, document);
    kept.push(document);
  }
  return kept;
}

const isNamed = (names: Filter['rules'], { id, name }: Header): boolean =>
  names === 'any' || names.includes(id) || (name !== undefined && names.includes(name));

/** A rule is true where its own condition is, and that of each of its filters. */
function filtered(rule: DetectionRule, filters: readonly Filter[]): Expression {
  const parts = filters
    .filter((filter) => isNamed(filter.rules, rule) && covers(filter.logsource, rule.logsource))
    .map(({ expression, title }): Expression => {
      return { kind: 'named', name: `filter ${word(title)}`, part: expression };
    });
  return parts.length === 0 ? rule.expression : { kind: 'and', parts: [rule.expression, ...parts] };
}

function notesOf(filter: Filter, rules: readonly DetectionRule[]): readonly Refusal[] {
  const { file, line, source } = filter;
  const note = (reason: string): Refusal => ({ file, line, reason, source });
  if (filter.rules === 'any') return [];
  return filter.rules.flatMap((name) => {
    const rule = rules.find((one) => isNamed([name], one));
    if (rule === undefined) return [note(`There is no rule ${word(name)} to filter.`)];
    if (covers(filter.logsource, rule.logsource)) return [];
    return [note(`The rule ${word(name)} is of another logsource than its filter.`)];
  });
}

/** What correlations are made of raises no alert of its own, unless one of them asks for it. */
function silence(correlations: readonly Resolved[]): (id: string) => boolean {
  const used = new Set(correlations.flatMap(({ ids }) => ids));
  const generated = new Set(
    correlations.flatMap(({ correlation, ids }) => (correlation.generate ? ids : [])),
  );
  return (id) => used.has(id) && !generated.has(id);
}

function withLevels(
  correlations: readonly Resolved[],
  rules: readonly DetectionRule[],
  isSilent: (id: string) => boolean,
): readonly LoadedCorrelation[] {
  const levelOf = new Map<string, Level | undefined>(rules.map(({ id, level }) => [id, level]));
  return correlations.map(({ correlation, ids }) => {
    const ranks = ids.map((id) => levels.findIndex((one) => one === levelOf.get(id)));
    const level = correlation.level ?? levels[Math.max(...ranks)];
    levelOf.set(correlation.id, level);
    return { correlation, ids, level, isSilent: isSilent(correlation.id) };
  });
}
