import type { Chain } from './chain.js';

/** From which base chains a chain is asked. */
export interface Reach {
  readonly directions: ReadonlySet<Direction>;
  /** Whether a base chain that filters leads here: only there an accept allows something. */
  readonly filters: boolean;
}

type Direction = 'In' | 'Out' | 'Through';

const directions: Readonly<Record<string, Direction>> = {
  ingress: 'In',
  prerouting: 'In',
  input: 'In',
  output: 'Out',
  postrouting: 'Out',
  egress: 'Out',
};

export function directionOf(hook: string): Direction {
  return directions[hook] ?? 'Through';
}

const keyOf = (table: string, name: string, backend = ''): string =>
  `${backend}\n${table}\n${name}`;

/**
 * Follows every jump from every base chain. A chain without an entry in the answer is led to by none: the kernel never
 * asks it. Linear in chains and jumps.
 */
export function reachOf(chains: readonly Chain[]): ReadonlyMap<Chain, Reach> {
  const byKey = new Map<string, Chain>();
  for (const chain of chains) byKey.set(keyOf(chain.table, chain.name, chain.backend), chain);
  const found = new Map<Chain, { directions: Set<Direction>; filters: boolean }>();
  for (const direction of ['In', 'Out', 'Through'] as const)
    for (const filters of [true, false]) {
      const isStart = ({ base }: Chain): boolean =>
        base !== undefined &&
        directionOf(base.hook) === direction &&
        (base.type === 'filter') === filters;
      const open = chains.filter(isStart);
      const seen = new Set(open);
      for (let chain = open.pop(); chain !== undefined; chain = open.pop()) {
        const reach = found.get(chain) ?? { directions: new Set(), filters: false };
        reach.directions.add(direction);
        reach.filters ||= filters;
        found.set(chain, reach);
        for (const name of chain.leadsTo) {
          const next = byKey.get(keyOf(chain.table, name, chain.backend));
          if (next === undefined || seen.has(next)) continue;
          seen.add(next);
          open.push(next);
        }
      }
    }
  return found;
}
