import type { Details, Payload } from '../../../contract/events.js';
import type { Chain, Entry } from './chain.js';
import { cut } from './conditions.js';
import { reachOf, type Reach } from './reach.js';

type FirewallPayload = Payload<'FirewallConfiguration'>;

/**
 * The entries of the event, chain by chain in the order given: those of each rule under its place in the chain, then the
 * policy of a base chain, whose place is the last. Elements of one rule's map share its place.
 */
export function toPayloads(chains: readonly Chain[]): FirewallPayload[] {
  const reach = reachOf(chains);
  return chains.flatMap((chain) => chainPayloads(chain, reach.get(chain)));
}

function chainPayloads(chain: Chain, reach: Reach | undefined): FirewallPayload[] {
  const { backend, base, enabled, name, rules, table } = chain;
  const common: Details<'FirewallConfiguration'> = {
    Table: table,
    ...(backend !== undefined && { Backend: backend }),
    ...(enabled === 'unknown' && { EnabledKnown: 'false' }),
    ...(reach === undefined && { Reached: 'false' }),
  };
  const [direction, ...others] = reach?.directions ?? [];
  const entry = (priority: number, { verdict, fields, details }: Entry): FirewallPayload => {
    const action = actionOf(verdict, reach);
    const written = verdict.written ?? (action === 'Other' ? verdict.kind : undefined);
    return {
      Priority: priority,
      ...((direction === 'In' || direction === 'Out') &&
        others.length === 0 && { Direction: direction }),
      ChainName: cut(name),
      Enabled: enabled === true && reach !== undefined,
      Action: action,
      ...fields,
      ExtraDetails: {
        ...common,
        ...(written !== undefined && { Verdict: cut(written) }),
        ...details,
      },
    };
  };
  const payloads = rules.flatMap((entries, place) => entries.map((rule) => entry(place, rule)));
  if (base !== undefined) {
    const kinds: Readonly<Record<string, Entry['verdict']['kind']>> = {
      accept: 'accept',
      drop: 'deny',
    };
    const kind = kinds[base.policy] ?? 'other';
    const verdict = { kind, ...(kind === 'other' && { written: base.policy }) };
    const details: Details<'FirewallConfiguration'> = {
      Policy: base.policy,
      Hook: base.hook,
      ...(base.priority !== undefined && { HookPriority: base.priority }),
    };
    payloads.push(entry(rules.length, { verdict, fields: {}, details }));
  }
  return payloads;
}

/** An accept where nothing is filtered, such as among rules of address translation, allows nothing. */
function actionOf({ kind }: Entry['verdict'], reach: Reach | undefined): FirewallPayload['Action'] {
  if (kind === 'deny') return 'Deny';
  return kind === 'accept' && reach?.filters === true ? 'Allow' : 'Other';
}
