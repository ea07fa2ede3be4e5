import { printable } from '../../base/text.js';
import { type alertDetails, alertMark, type AlertSeverity } from '../../contract/common-details.js';
import type { Header, Level } from '../../detection/language/document.js';
import { rank } from '../../detection/rules/adjust.js';
import type { Hit } from '../../detection/rules/detector.js';

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

const severities: Readonly<Record<Level, AlertSeverity>> = {
  informational: 'Informational',
  low: 'Low',
  medium: 'Medium',
  high: 'High',
  critical: 'High',
};

/**
 * The alert of an event that these rules are true of.
 * @param hits at least one, the order of those with the same level is kept
 */
export function alertOf(hits: readonly Hit[]): Alert {
  const [first, ...further] = hits.toSorted((a, b) => rank(b.level) - rank(a.level));
  if (first === undefined) throw new Error('An alert was asked for that no rule is true of.');
  const { level, rule } = first;
  const details: Partial<Record<keyof typeof alertDetails, string>> = {
    [alertMark]: rule.alertType ?? unnamedType,
    AlertSeverity: severities[level ?? 'medium'],
    AlertTitle: printable(rule.title),
    RuleId: idOf(rule),
    RuleSource: rule.source,
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
