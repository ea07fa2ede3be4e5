import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { chart } from '../../bench/fleet/chart.js';
import { edition } from '../../bench/fleet/hub-limits.js';
import { recommendationFor, recommendations } from '../../bench/fleet/recommendation.js';
import { verdictOf } from '../../bench/fleet/report.js';
import {
  scenarioNames,
  simulate,
  simulateInParts,
  type Outcome,
  type Plan,
} from '../../bench/fleet/scenarios.js';
import { Throttle } from '../../bench/fleet/throttle.js';
import { ordinaryTraffic } from '../../bench/fleet/traffic.js';

const devices = 2_000;
const { edition: smallest, spreads } = recommendationFor(devices);
const plan: Plan = {
  devices,
  edition: smallest,
  traffic: ordinaryTraffic,
  spreads,
  outageSeconds: 20 * 60,
  daySeconds: 30 * 60,
};

describe('a fleet with the recommended spread', () => {
  const outcomes: Outcome[] = [];
  beforeAll(async () => {
    for (const scenario of scenarioNames) outcomes.push(await simulate(scenario, plan));
  }, 60_000);

  it.each(scenarioNames)(
    'exceeds no limit beyond its burst, and recovers within 1.2 × the lower bound (%s)',
    (name) => {
      const outcome = outcomes.find(({ scenario }) => scenario === name);
      if (outcome === undefined) throw new Error('it was not simulated');
      const { withinLimits, ratio } = verdictOf(outcome, plan);
      expect(withinLimits).toBe(true);
      expect(ratio ?? 1).toBeLessThanOrEqual(1.2);
    },
  );

  it('is drawn with every scenario, its rates and its limits', () => {
    const svg = chart(outcomes, plan);
    expect(svg).toContain('limit 100');
    expect(svg.match(/<polygon/g)).toHaveLength(4 * scenarioNames.length);
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  });
});

it('the simulation tells of limits that are exceeded: without a spread the same fleet is refused', async () => {
  const outcome = await simulate('failover', {
    ...plan,
    spreads: { reconnectSeconds: 0, twinSeconds: 0 },
  });
  expect(verdictOf(outcome, plan).withinLimits).toBe(false);
});

it('parts of a fleet that are simulated one after the other are the fleet', async () => {
  const fleet: Plan = { ...plan, devices: 1_000 };
  const together = await simulate('failover', fleet);
  const parts = await simulateInParts('failover', fleet, 300);
  for (const what of ['connects', 'reads'] as const) {
    expect(parts.figures[what].asked).toBe(together.figures[what].asked);
    const difference = (parts.recovery[what] ?? 0) - (together.recovery[what] ?? 0);
    expect(Math.abs(difference)).toBeLessThan(1_000);
  }
  expect(verdictOf(parts, fleet).withinLimits).toBe(true);
});

it('every edition that is recommended has room for the traffic, and its spreads divide each other', () => {
  for (const size of [1, 100, 5_000, 50_000, 250_000, 1_000_000, 5_000_000]) {
    const { edition, spreads } = recommendationFor(size);
    const { limits } = edition;
    const { reconnectSeconds, twinSeconds } = spreads;
    expect(twinSeconds % reconnectSeconds).toBe(0);
    expect(size / reconnectSeconds).toBeLessThan(limits.connects);
    expect(size / twinSeconds).toBeLessThan(limits.reads);
    expect(size / (2 * twinSeconds)).toBeLessThan(limits.updates);
  }
});

it('a small fleet recovers in a minute', async () => {
  const small = 1_000;
  const fleet: Plan = { ...plan, devices: small, ...recommendationFor(small) };
  const { withinLimits, soon } = verdictOf(await simulate('change', fleet), fleet);
  expect({ withinLimits, soon }).toEqual({ withinLimits: true, soon: true });
});

it('the page on fleets tells what is recommended for fleets of many sizes', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../docs/fleet.md'), 'utf8');
  const shown = readme
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.slice(1, -1).split('|'))
    .map((cells) => cells.map((cell) => cell.replaceAll('`', '').trim()));
  const first = shown.findIndex((cells) => cells[2] === 'reconnectSpread');
  const expected = recommendations().map((row) => row.slice(0, 4));
  const [header = [], , ...rows] = shown.slice(first, first + 1 + expected.length);
  expect([header.map((cell) => cell.toLowerCase()), ...rows]).toEqual([
    expected[0]?.map((cell) => cell.toLowerCase()),
    ...expected.slice(1),
  ]);
});

it('the throttle absorbs one second of its limit, queues ten, and refuses what is more', () => {
  const throttle = new Throttle(edition('S1', 1).limits.reads);
  const answers = Array.from({ length: 1_200 }, () => throttle.ask(0));
  expect(answers.slice(0, 100).every((waitMs) => waitMs === 0)).toBe(true);
  expect(answers[100]).toBe(10);
  expect(answers[1_099]).toBe(10_000);
  expect(answers.slice(1_100)).toEqual(Array.from({ length: 100 }, () => undefined));
  expect(throttle.ask(1_000)).toBe(9_010);
  expect(throttle.figures()).toMatchObject({ asked: 1_201, peak: 1_200, refused: 100 });
});
