import type { Edition, TierName } from './hub-limits.js';
import { number } from './report.js';
import { settingsFor } from './scenarios.js';
import { editionFor, ordinaryTraffic, recommendedSpreads, type Spreads } from './traffic.js';

export interface Recommendation {
  readonly edition: Edition;
  readonly spreads: Spreads;
}

/** @param wanted a tier, perhaps with its units, instead of the cheapest edition for the traffic of the fleet */
export function recommendationFor(
  devices: number,
  wanted: { readonly tier?: TierName; readonly units?: number } = {},
): Recommendation {
  const { settings } = settingsFor({ reconnectSeconds: 0, twinSeconds: 0 });
  const edition = editionFor(devices, ordinaryTraffic, settings, wanted);
  return { edition, spreads: recommendedSpreads(devices, edition, ordinaryTraffic, settings) };
}

/** What is recommended for fleets of many sizes, with a header; docs/fleet.md shows the first four columns. */
export function recommendations(wanted?: { tier?: TierName; units?: number }): string[][] {
  const rows = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000].map((devices) => {
    const { edition, spreads } = recommendationFor(devices, wanted);
    const { tier, units, limits } = edition;
    return [
      number(devices),
      `${units} × ${tier}`,
      `PT${spreads.reconnectSeconds}S`,
      `PT${spreads.twinSeconds}S`,
      `${number(devices / Math.min(limits.connects, limits.reads))} s`,
    ];
  });
  return [['devices', 'hub', 'reconnectSpread', 'twinSpread', 'lower bound'], ...rows];
}
