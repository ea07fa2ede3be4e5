import { printable } from '../../base/text.js';
import { type alertDetails, alertMark } from '../../contract/common-details.js';
import type { Header, Level } from '../../detection/language/document.js';
import type { Hit } from '../../detection/rules/detector.js';

/** Where a rule is from. */
export type RuleOrigin = 'builtin' | 'local' | 'twin';

/** What makes an event an alert. */
export interface Alert {
  /** Id of the rule that leads: the gravest of those that are true of the event. */
  readonly ruleId: string;
  /** The members of ExtraDetails that say so, none of which quotes the event. */
  readonly details: Readonly<Record<string, string>>;
}

/** Of a rule that no name of an alert is given for. */
const unnamedType = 'IoT_RuleMatched';
const longestDescription = 512;
const longestId = 128;
const longestTags = 512;
const mostFurther = 16;

const severities: Readonly<Record<Level, string>> = {
  informational: 'Informational',
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  critical: 'High',
};

const ranks: Readonly<Record<Level, number>> = {
  informational: 0,
  low: 1,
  medium: 2,
  high: 3,
  critical: 4,
};

/** How grave a rule is; one that says nothing counts as medium, so that nobody misses what he has written. */
export const rankOf = (level: Level | undefined): number => ranks[level ?? 'medium'];

/**
 * The alert of an event that these rules are true of.
 * @param hits at least one, the order of those with the same level is kept
 */
export function alertOf(hits: readonly Hit[], originOf: (rule: Header) => RuleOrigin): Alert {
  const [first, ...further] = hits.toSorted((a, b) => rankOf(b.level) - rankOf(a.level));
  if (first === undefined) throw new Error('An alert was asked for that no rule is true of.');
  const { level, rule } = first;
  const details: Partial<Record<keyof typeof alertDetails, string>> = {
    [alertMark]: rule.alertType ?? unnamedType,
    AlertSeverity: severities[level ?? 'medium'],
    AlertTitle: printable(rule.title),
    RuleId: idOf(rule),
    RuleSource: originOf(rule),
  };
  if (rule.description !== undefined)
    details.AlertDescription = printable(rule.description.trim(), longestDescription);
  if (level !== undefined) details.RuleLevel = level;
  if (rule.tags.length > 0) details.RuleTags = printable(rule.tags.join(','), longestTags);
  if (further.length > 0) details.AlsoMatched = idsOf(further);
  return { ruleId: rule.id, details };
}

const idOf = (rule: Header): string => printable(rule.id, longestId);

function idsOf(hits: readonly Hit[]): string {
  const ids = hits.slice(0, mostFurther).map(({ rule }) => idOf(rule));
  return [...ids, ...(hits.length > mostFurther ? ['…'] : [])].join(',');
}
