import type { JsonObject } from '../../base/json.js';
import type { Payload } from '../../contract/events.js';

type Entry = Payload<'FirewallConfiguration'>;
type State = 'on' | 'off' | 'notKnown';

const families = ['ip', 'ip6'] as const;
type Family = (typeof families)[number];

/** In the words of `Verdict`. */
const leadsTo = /\b(?:jump|goto) (\S+)/;

/**
 * Whether something keeps packets out, by family: `on` where a rule or a policy in force denies at least some of what comes
 * in, `off` where nothing does, `partly` where that differs.
 *
 * @param limitation what the snapshot could not see, which may be a rule that denies
 */
export function firewallPosture(
  entries: readonly Entry[],
  limitation: string | undefined,
): JsonObject {
  const told = families
    .filter((family) => limitation !== undefined || entries.some((entry) => isOf(entry, family)))
    .map((family) => [family, stateOf(entries, family, limitation)] as const);
  const states = new Set(told.map(([, state]) => state));
  const [one = 'notKnown'] = states;
  const state = states.has('notKnown') ? 'notKnown' : states.size > 1 ? 'partly' : one;
  return { state, ...Object.fromEntries(told) };
}

function stateOf(all: readonly Entry[], family: Family, limitation: string | undefined): State {
  const entries = inwards(all.filter((entry) => isOf(entry, family)));
  if (entries.some(({ Action, Enabled }) => Enabled && Action === 'Deny')) return 'on';
  const mayDeny = entries.some(
    ({ Action, ExtraDetails: details }) =>
      details?.['Expression'] !== undefined ||
      (Action === 'Deny' && details?.['EnabledKnown'] === 'false'),
  );
  return mayDeny || limitation !== undefined ? 'notKnown' : 'off';
}

function isOf({ ExtraDetails: details }: Entry, family: Family): boolean {
  const [tableFamily] = (details?.['Table'] ?? '').split(' ');
  return tableFamily === family || tableFamily === 'inet';
}

/** The entries of all chains that packets which come in may pass; a chain that serves several ways has no direction. */
function inwards(entries: readonly Entry[]): readonly Entry[] {
  const byChain = new Map<string, Entry[]>();
  for (const entry of entries) {
    const chain = byChain.get(chainOf(entry));
    if (chain === undefined) byChain.set(chainOf(entry), [entry]);
    else chain.push(entry);
  }
  const open = entries.filter(({ Direction }) => Direction === 'In').map(chainOf);
  const reached = new Set(open);
  for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
    for (const entry of byChain.get(chain) ?? []) {
      const [, name] = leadsTo.exec(entry.ExtraDetails?.['Verdict'] ?? '') ?? [];
      const next = name === undefined ? undefined : chainOf({ ...entry, ChainName: name });
      if (next === undefined || reached.has(next)) continue;
      reached.add(next);
      open.push(next);
    }
  }
  return [...reached].flatMap((chain) => byChain.get(chain) ?? []);
}

function chainOf({ ChainName: name = '', ExtraDetails: details }: Entry): string {
  return [details?.['Table'], details?.['Backend'], name].join('\n');
}
