import type { Correlation } from '../language/correlation.js';
import type { DetectionRule, Header } from '../language/document.js';
import { word } from '../language/yaml-node.js';
import { limits } from '../limits.js';

/** Tells why a document is not used. */
export type Refuse = (document: Header, reason: string) => void;

export interface Resolved {
  readonly correlation: Correlation;
  /** Ids of its rules, in the order of `rules`. */
  readonly ids: readonly string[];
}

/** Finds the rules of correlations by id or name, and puts each correlation after those that it is made of. */
export function resolveCorrelations(
  all: readonly Correlation[],
  rules: readonly DetectionRule[],
  refuse: Refuse,
): readonly Resolved[] {
  const known = new Map<string, string>();
  const learn = ({ id, name }: Header): void => {
    known.set(id, id);
    if (name !== undefined) known.set(name, id);
  };
  rules.forEach(learn);
  const resolved: Resolved[] = [];
  let waiting = all;
  for (let depth = 0; waiting.length > 0 && depth < limits.depth; depth++) {
    const ready = waiting.filter(({ rules: names }) => names.every((name) => known.has(name)));
    if (ready.length === 0) break;
    for (const correlation of ready) {
      const ids = correlation.rules.map((name) => known.get(name) ?? name);
      resolved.push({ correlation, ids });
    }
    ready.forEach(learn);
    waiting = waiting.filter((one) => !ready.includes(one));
  }
  for (const correlation of waiting) {
    const absent = correlation.rules.find((name) => !known.has(name)) ?? '';
    const isThere = all.some(({ id, name }) => id === absent || name === absent);
    refuse(
      correlation,
      isThere
        ? `Untie the correlation from ${word(absent)}, which is made of it, cannot be used, or is one of more than ${limits.depth} in a row.`
        : `Add the rule ${word(absent)}, which the correlation is made of.`,
    );
  }
  return resolved;
}
