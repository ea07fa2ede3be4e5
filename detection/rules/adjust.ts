import { type Level, levels } from '../language/document.js';
import type { LoadedCorrelation, LoadedRule, RuleSet } from './rule-set.js';

/** What others than the authors of rules want of them, by their ids. */
export interface Adjustments {
  /** They raise no alerts, and still serve the correlations that are made of them. */
  readonly disabled: readonly string[];
  readonly levels: Readonly<Record<string, Level>>;
  /** Whatever is below it raises no alerts; what has no level counts as medium. */
  readonly minimum: Level;
}

/** How grave a rule is; one that says nothing counts as medium, so that nobody misses what he has written. */
export const rank = (level: Level | undefined): number => levels.indexOf(level ?? 'medium');

/** The set with other levels, and without what then raises no alert and serves no correlation that does. */
export function adjusted(set: RuleSet, adjustments: Adjustments): RuleSet {
  const disabled = new Set(adjustments.disabled);
  const levelOf = (id: string, own: Level | undefined): Level | undefined =>
    Object.hasOwn(adjustments.levels, id) ? adjustments.levels[id] : own;
  const isHeard = (id: string, level: Level | undefined): boolean =>
    !disabled.has(id) && rank(level) >= rank(adjustments.minimum);

  const correlations: LoadedCorrelation[] = [];
  const needed = new Set<string>();
  // Each stands after those that it is made of, and so from the last on it is known who needs whom.
  for (const one of set.correlations.toReversed()) {
    const { correlation, ids, isSilent } = one;
    const level = levelOf(correlation.id, one.level);
    const isQuiet = isSilent || !isHeard(correlation.id, level);
    if (isQuiet && !needed.has(correlation.id)) continue;
    for (const id of ids) needed.add(id);
    correlations.unshift({
      ...one,
      correlation: { ...correlation, level },
      level,
      isSilent: isQuiet,
    });
  }
  const rules = set.rules.flatMap((rule): readonly LoadedRule[] => {
    const level = levelOf(rule.id, rule.level);
    const isSilent = rule.isSilent || !isHeard(rule.id, level);
    return isSilent && !needed.has(rule.id) ? [] : [{ ...rule, level, isSilent }];
  });
  return { ...set, rules, correlations };
}
