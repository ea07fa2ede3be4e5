import { covers, type DetectionRule, saidLogsource } from '../language/document.js';
import { fieldsOf } from '../language/expression.js';
import type { SourceDeclaration } from './declaration.js';
import { sources } from './table.js';

/**
 * What a rule needs that our events do not have, each completing "needs …"; empty for a rule that they answer in full. A rule
 * that needs something is judged all the same: another part of its condition may be true.
 */
export function needsOf(rule: DetectionRule): readonly string[] {
  const fitting = sources.filter(({ logsource }) => covers(rule.logsource, logsource));
  const present = fitting.filter(({ event }) => event !== undefined);
  if (present.length === 0)
    return [
      fitting.find((source) => source.missing !== undefined)?.missing ??
        `events of ${saidLogsource(rule.logsource)}`,
    ];
  const needs = [...fieldsOf(rule.expression)].flatMap((field) => {
    if (present.some((source) => isKnown(source, field))) return [];
    const declared = present
      .map(({ fields }) => (Object.hasOwn(fields, field) ? fields[field] : undefined))
      .find((one) => one !== undefined && 'missing' in one);
    return [
      declared !== undefined && 'missing' in declared ? declared.missing : `the field ${field}`,
    ];
  });
  return [...new Set(needs)];
}

function isKnown({ fields }: SourceDeclaration, name: string): boolean {
  const declared = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (declared !== undefined) return !('missing' in declared);
  const [, stem] = /^([A-Za-z_]+)\d{1,4}$/.exec(name) ?? [];
  const numbered = stem !== undefined && Object.hasOwn(fields, stem) ? fields[stem] : undefined;
  return numbered !== undefined && 'numbered' in numbered;
}
