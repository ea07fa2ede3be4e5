/** What the hub counts per second, for all its devices together. */
export const counted = ['connects', 'sends', 'reads', 'updates'] as const;
export type Counted = (typeof counted)[number];

export type Limits = Readonly<Record<Counted, number>>;

interface Tier {
  readonly unitsPerDay: number;
  /** Relative to S1; the list prices are 1 : 10 : 100. */
  readonly price: number;
  readonly limits: (units: number) => Limits;
}

/** The published quotas and throttles of the standard tiers. */
const tiers = {
  S1: {
    unitsPerDay: 400_000,
    price: 1,
    limits: (units) => ({
      connects: Math.max(100, 12 * units),
      sends: Math.max(100, 12 * units),
      reads: 100,
      updates: 50,
    }),
  },
  S2: {
    unitsPerDay: 6_000_000,
    price: 10,
    limits: (units) => ({
      connects: 120 * units,
      sends: 120 * units,
      reads: Math.max(100, 10 * units),
      updates: Math.max(50, 5 * units),
    }),
  },
  S3: {
    unitsPerDay: 300_000_000,
    price: 100,
    limits: (units) => ({
      connects: 6_000 * units,
      sends: 6_000 * units,
      reads: 500 * units,
      updates: 250 * units,
    }),
  },
} as const satisfies Readonly<Record<string, Tier>>;

export type TierName = keyof typeof tiers;
export const tierNames = Object.keys(tiers) as readonly TierName[];

export interface Edition {
  readonly tier: TierName;
  readonly units: number;
  readonly limits: Limits;
}

export function edition(tier: TierName, units: number): Edition {
  return { tier, units, limits: tiers[tier].limits(units) };
}

/** The cheapest edition whose daily quota holds so many units, and which suits otherwise too. */
export function cheapestEdition(
  among: readonly TierName[],
  unitsPerDay: number,
  suits: (edition: Edition) => boolean,
): Edition {
  const candidates = among.map((tier) => {
    let units = Math.max(1, Math.ceil(unitsPerDay / tiers[tier].unitsPerDay));
    while (!suits(edition(tier, units))) units += 1;
    return edition(tier, units);
  });
  const price = ({ tier, units }: Edition): number => units * tiers[tier].price;
  const [best] = candidates.sort((a, b) => price(a) - price(b));
  if (best === undefined) throw new Error('There is no tier to choose from.');
  return best;
}
