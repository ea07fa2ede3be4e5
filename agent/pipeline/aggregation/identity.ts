import type { Varying } from '../../../contract/declaration.js';
import {
  type CountedName,
  countedNames,
  eventDeclarations,
  type Payload,
} from '../../../contract/events.js';

/** The events that can be counted; each has its two settings in the twin. */
export type AggregatedName = CountedName;
export {
  countedNames as aggregatedNames,
  isCounted as isAggregated,
} from '../../../contract/events.js';

type Values = Readonly<Record<string, unknown>>;

const fieldsByName = new Map<CountedName, readonly (readonly [string, Varying | undefined])[]>(
  countedNames.map((name) => [
    name,
    Object.entries(eventDeclarations[name].fields).map(([field, { varying }]) => [field, varying]),
  ]),
);

/**
 * What is left of a payload without the fields that differ from hit to hit: hits that agree in it are counted together.
 * The fields stand in the order of the declaration, so that equal identities have equal JSON. Source: message contract
 * §3.4, §5.2, §5.3.
 */
export function identityOf<N extends AggregatedName>(name: N, payload: Payload<N>): Payload<N> {
  const values: Values = payload;
  const identity: Record<string, unknown> = {};
  for (const [field, varying] of fieldsByName.get(name) ?? []) {
    const value = values[field];
    if (value === undefined) continue;
    identity[field] = varying !== undefined && applies(varying, values) ? varying.value : value;
  }
  // The declaration has every field of the payload, and the value of a varying one is of its kind.
  return identity as Payload<N>;
}

function applies({ where }: Varying, values: Values): boolean {
  return where === undefined || values[where[0]] === where[1];
}
