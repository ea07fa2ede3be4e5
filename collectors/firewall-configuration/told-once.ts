import type { SavedTables } from './iptables/save.js';
import type { NftChain } from './nftables/ruleset.js';
import type { Chain } from './rules/chain.js';

/**
 * Every chain once, of what several programs told. What decides is what each of them can see:
 *
 * 1. Legacy tables are seen by the legacy programs alone: all of theirs are told.
 * 2. Whatever is in nf_tables is seen by nft, also what iptables put there through its nftables back end. So nft's answer
 *    is told, and of the back end's nothing more.
 * 3. But nft does not say what matches and targets of iptables mean (`xt`). A table that has such rules is told as the
 *    back end told it, provided that it has the same chains with as many rules; the hook and its place come from nft.
 * 4. Where nft told nothing, what the back end told is told.
 *
 * Whether a save program speaks of the one or the other kernel interface stands in the first line of its answer.
 */
export function toldOnce(
  nft: readonly NftChain[] | undefined,
  saved: readonly SavedTables[],
): readonly Chain[] {
  const legacy = saved.flatMap(({ backend, chains }) => (backend === 'legacy' ? chains : []));
  const backEnd = saved.flatMap(({ backend, chains }) => (backend === 'nft' ? chains : []));
  if (nft === undefined) return [...backEnd, ...legacy];
  const savedTables = byTable(backEnd);
  const tables = [...byTable(nft)].flatMap(([table, chains]) => {
    if (chains.every(({ opaqueRules }) => opaqueRules === 0)) return chains.map(ofIptables);
    return asSaved(chains, savedTables.get(table) ?? []) ?? chains.map(ofIptables);
  });
  return [...tables, ...legacy];
}

function byTable<C extends Chain>(chains: readonly C[]): Map<string, C[]> {
  const tables = new Map<string, C[]>();
  for (const chain of chains) {
    const table = tables.get(chain.table) ?? [];
    table.push(chain);
    tables.set(chain.table, table);
  }
  return tables;
}

/** Undefined when the two do not tell of the same rules. */
function asSaved(
  chains: readonly NftChain[],
  saved: readonly Chain[],
): readonly Chain[] | undefined {
  const savedByName = new Map(saved.map((chain) => [chain.name, chain]));
  const told: Chain[] = [];
  for (const { base, enabled, name, rules } of chains) {
    const chain = savedByName.get(name);
    if (chain?.rules.length !== rules.length) return undefined;
    const type = chain.base?.type ?? base?.type;
    told.push({
      ...chain,
      enabled,
      ...(base !== undefined && type !== undefined && { base: { ...base, type } }),
    });
  }
  return told;
}

/** To nftables the tables `mangle` and `raw` of iptables are filters; nothing is allowed there that is not asked again. */
function ofIptables(chain: Chain): Chain {
  const { base, name, table } = chain;
  const isMade = /^ip6? (?:mangle|raw)$/.test(table) && base?.hook.toUpperCase() === name;
  return isMade && base.type === 'filter' ? { ...chain, base: { ...base, type: 'route' } } : chain;
}
