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

/** Of the sends, so that a fleet that comes back can catch up beside its ordinary traffic. */
const ordinaryPart = 1 / 4;

/** The cheapest edition that takes so much in a day, and of which so many sends in a second are a quarter. */
export function cheapestEdition(unitsPerDay: number, sendsPerSecond: number): Edition {
  const candidates = tierNames.map((tier) => {
    let units = Math.max(1, Math.ceil(unitsPerDay / tiers[tier].unitsPerDay));
    while (tiers[tier].limits(units).sends * ordinaryPart < sendsPerSecond) units += 1;
    return { ...edition(tier, units), price: units * tiers[tier].price };
  });
  const [best] = candidates.sort((a, b) => a.price - b.price);
  if (best === undefined) throw new Error('There is no tier.');
  return { tier: best.tier, units: best.units, limits: best.limits };
}
