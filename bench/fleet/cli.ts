import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chart } from './chart.js';
import { measureDay } from './day/measure.js';
import { ordinaryDay } from './day/ordinary-day.js';
import { tierNames, type TierName } from './hub-limits.js';
import { recommendationFor, recommendations } from './recommendation.js';
import { describeOutcome, describePlan, number, table, verdictOf } from './report.js';
import {
  scenarioNames,
  settingsFor,
  simulate,
  titles,
  type Outcome,
  type Plan,
} from './scenarios.js';
import { ordinaryTraffic, unitsPerDay } from './traffic.js';

const usage = `Usage: npm run simulate:fleet -- [options]
  --devices N          how many (100000)
  --tier S1|S2|S3 --units N   instead of the cheapest edition for the traffic of the fleet; units only with a tier
  --scenario NAME      one of ${scenarioNames.join(', ')} instead of all; may be given more than once
  --outage-minutes N   how long the hub is away (60)
  --day-minutes N      how much of the ordinary day is run (1440 up to 20,000 devices, else 330)
  --reconnect-spread SECONDS --twin-spread SECONDS   instead of what is recommended; 0 switches the spread off
  --svg FILE           writes the picture
  --measure            only measures what a device sends on the recorded ordinary day, and prints it
  --recommend          only prints what is recommended for fleets of many sizes
`;

/** As the bundle has it, see scripts/bench.mjs. */
const recordedFile = join(import.meta.dirname, '../../bench/fleet/day/recorded.jsonl');

interface Options {
  readonly devices: number;
  readonly svg: string | undefined;
  readonly scenarios: readonly (typeof scenarioNames)[number][];
  readonly plan: Plan;
}

const print = (text: string): void => void process.stdout.write(`${text}\n`);

function planFor(
  devices: number,
  value: (name: string) => number | undefined,
  wanted: { tier?: TierName; units?: number },
): Plan {
  const { edition, spreads } = recommendationFor(devices, wanted);
  return {
    devices,
    edition,
    traffic: ordinaryTraffic,
    spreads: {
      reconnectSeconds: value('reconnect-spread') ?? spreads.reconnectSeconds,
      twinSeconds: value('twin-spread') ?? spreads.twinSeconds,
    },
    outageSeconds: (value('outage-minutes') ?? 60) * 60,
    daySeconds: (value('day-minutes') ?? (devices > 20_000 ? 330 : 1440)) * 60,
  };
}

async function readOptions(): Promise<Options | undefined> {
  const { values } = parseArgs({
    options: {
      devices: { type: 'string' },
      tier: { type: 'string' },
      units: { type: 'string' },
      scenario: { type: 'string', multiple: true },
      'outage-minutes': { type: 'string' },
      'day-minutes': { type: 'string' },
      'reconnect-spread': { type: 'string' },
      'twin-spread': { type: 'string' },
      svg: { type: 'string' },
      measure: { type: 'boolean' },
      recommend: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  });
  if (values.help) {
    print(usage);
    return undefined;
  }
  if (values.measure) {
    print(JSON.stringify(await measureDay(ordinaryDay(recordedFile)), undefined, 2));
    return undefined;
  }
  const value = (name: string): number | undefined => {
    const text = (values as Record<string, unknown>)[name];
    if (typeof text !== 'string') return undefined;
    if (!/^\d+$/.test(text)) throw new Error(`--${name} takes a whole number, not ${text}.`);
    return Number(text);
  };
  const tier = tierNames.find((name) => name === values.tier);
  if (values.tier !== undefined && tier === undefined) {
    throw new Error(`--tier takes ${tierNames.join(', ')}, not ${values.tier}.`);
  }
  const units = value('units');
  const wanted = {
    ...(tier === undefined ? {} : { tier }),
    ...(units === undefined ? {} : { units }),
  };
  if (values.recommend) {
    print(table(recommendations(wanted)));
    return undefined;
  }
  const scenarios = scenarioNames.filter((name) => values.scenario?.includes(name) ?? true);
  const devices = value('devices') ?? 100_000;
  return { devices, svg: values.svg, scenarios, plan: planFor(devices, value, wanted) };
}

async function main(): Promise<void> {
  const options = await readOptions();
  if (options === undefined) return;
  const { plan, scenarios, svg } = options;
  const { settings } = settingsFor(plan.spreads);
  print(describePlan(plan));
  print(
    `${unitsPerDay(plan.traffic, settings).toFixed(1)} metered units per device and day; the hub absorbs one second of its limit, queues ten, and refuses the rest\n`,
  );
  const outcomes: Outcome[] = [];
  for (const scenario of scenarios) {
    const startedMs = performance.now();
    const outcome = await simulate(scenario, plan);
    outcomes.push(outcome);
    print(describeOutcome(outcome, plan));
    const tookSeconds = (performance.now() - startedMs) / 1000;
    const memoryMb = process.memoryUsage().rss / 1_048_576;
    print(
      `(${number(outcome.endMs / 60_000)} simulated minutes in ${number(tookSeconds)} s, ${number(memoryMb)} MB)\n`,
    );
  }
  if (svg !== undefined) {
    writeFileSync(svg, chart(outcomes, plan));
    print(`The picture is in ${svg}.`);
  }
  const failed = outcomes.filter((outcome) => {
    const { withinLimits, soon } = verdictOf(outcome, plan);
    return !withinLimits || !soon;
  });
  if (failed.length === 0) {
    print(
      'No limit was exceeded; every recovery took less than 1.2 × its bound, or than a minute.',
    );
    return;
  }
  const names = failed.map(({ scenario }) => titles[scenario]).join('; ');
  print(`A limit was exceeded, or the recovery took too long: ${names}.`);
  process.exitCode = 1;
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
