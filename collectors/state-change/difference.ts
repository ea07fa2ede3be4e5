import type { Items } from '../interface/state-subject.js';

export interface Difference {
  readonly item: string;
  /** Absent: added. */
  readonly before?: string;
  /** Absent: removed. */
  readonly after?: string;
}

/** What leads from one look to the next, ordered by item. */
export function differencesBetween(before: Items, after: Items): readonly Difference[] {
  const differences: Difference[] = [];
  for (const [item, text] of after) {
    const known = before.get(item);
    if (known === undefined) differences.push({ item, after: text });
    else if (known !== text) differences.push({ item, before: known, after: text });
  }
  for (const [item, text] of before) {
    if (!after.has(item)) differences.push({ item, before: text });
  }
  return differences.sort((a, b) => (a.item < b.item ? -1 : 1));
}

/** So many changes of a subject at one look are told one by one: a package brings some units, a flood is not told as such. */
export const mostTold = 50;

/** The first differences, and how many more there are. */
export function folded(differences: readonly Difference[]): {
  readonly told: readonly Difference[];
  readonly more: number;
} {
  const told = differences.slice(0, mostTold);
  return { told, more: differences.length - told.length };
}
