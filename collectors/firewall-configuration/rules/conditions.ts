import type { Details, Payload } from '../../../contract/events.js';

/** Longest text of one field or detail, in UTF-16 units; longer ones end in `…`. */
const longestText = 1024;
/** So many elements of a set are told, and how many there are. */
export const mostElements = 32;

type AddressField = 'SourceAddress' | 'DestinationAddress';
type PortField = 'SourcePort' | 'DestinationPort';
export type ConditionField = AddressField | PortField | 'Protocol';
export type ConditionDetail = 'State' | 'InInterface' | 'OutInterface' | 'Limit';

/**
 * Under which conditions a rule speaks of a packet, all of which must hold. What has a field of its own in the event
 * goes there; what has none, and a second condition on the same field, is told as text in `Match`, so that no rule looks
 * wider than it is.
 */
export class Conditions {
  private readonly fields = new Map<ConditionField, string>();
  private readonly details = new Map<ConditionDetail, string>();
  private readonly matches: string[] = [];
  private readonly sets: string[] = [];

  /** @param written the whole condition as text, for when the field is taken */
  field(name: ConditionField, value: string, written: string): void {
    this.put(this.fields, name, value, written);
  }

  detail(name: ConditionDetail, value: string, written: string): void {
    this.put(this.details, name, value, written);
  }

  match(written: string): void {
    if (!this.matches.includes(written)) this.matches.push(written);
  }

  /** What a set that a condition names holds. */
  set(written: string): void {
    if (!this.sets.includes(written)) this.sets.push(written);
  }

  /** The members of a payload and of its details that the conditions make. */
  told(): {
    readonly fields: Partial<Pick<Payload<'FirewallConfiguration'>, ConditionField>>;
    readonly details: Details<'FirewallConfiguration'>;
  } {
    const { details, fields, matches, sets } = this;
    return {
      fields: bounded(fields),
      details: {
        ...bounded(details),
        ...(matches.length > 0 && { Match: cut(matches.join('; ')) }),
        ...(sets.length > 0 && { Sets: cut(sets.join(' ')) }),
      },
    };
  }

  private put<K>(map: Map<K, string>, name: K, value: string, written: string): void {
    const present = map.get(name);
    if (present === undefined) map.set(name, value);
    else if (present !== value) this.match(written);
  }
}

function bounded<K extends string>(map: ReadonlyMap<K, string>): Partial<Record<K, string>> {
  return Object.fromEntries([...map].map(([key, value]) => [key, cut(value)])) as Partial<
    Record<K, string>
  >;
}

/** The text, ended by `…` where it is longer than a field may be. */
export function cut(text: string, length = longestText): string {
  if (text.length <= length) return text;
  return `${text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** `a`, `a,b`; negated `!a`, `!(a,b)`; of very many the first ones, and how many there are. */
export function listText(items: readonly string[], negated: boolean): string {
  const shown = items.slice(0, mostElements);
  const more = items.length - shown.length;
  const text = [...shown, ...(more > 0 ? [`… ${more} more`] : [])].join(',');
  if (!negated) return text;
  return items.length === 1 ? `!${text}` : `!(${text})`;
}
