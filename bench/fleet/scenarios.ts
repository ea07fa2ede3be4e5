import { evaluateTwin } from '../../config/evaluate-twin.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { FleetHub, forEachCounted, Recorder, throttles, type Gates } from './fleet-hub.js';
import type { Counted, Edition } from './hub-limits.js';
import { SimulatedClock } from './simulated-clock.js';
import { SimulatedDevice, type Step, type World } from './simulated-device.js';
import type { ThrottleFigures } from './throttle.js';
import type { Spreads, Traffic } from './traffic.js';

export const scenarioNames = ['day', 'outage', 'failover', 'change', 'powerOn'] as const;
export type ScenarioName = (typeof scenarioNames)[number];

export const titles: Readonly<Record<ScenarioName, string>> = {
  day: 'An ordinary day',
  outage: 'The hub is away and comes back',
  failover: 'All connections are dropped at once',
  change: 'One change of all twins',
  powerOn: 'All devices are switched on at once',
};

export interface Plan {
  readonly devices: number;
  readonly edition: Edition;
  readonly traffic: Traffic;
  readonly spreads: Spreads;
  readonly outageSeconds: number;
  /** Of the ordinary day. */
  readonly daySeconds: number;
}

export interface Outcome {
  readonly scenario: ScenarioName;
  readonly figures: Readonly<Record<Counted, ThrottleFigures>>;
  /** When it happened, or when the hub was there again, in simulated time. */
  readonly fromMs: number;
  readonly endMs: number;
  /** From `fromMs` until every device had done it; undefined when some never did. */
  readonly recovery: Readonly<Recovery>;
}

const calmMs = 120_000;
const failoverMs = 15_000;
const offMs = 8 * 3_600_000;

const stepOf: Partial<Record<Step, Counted>> = {
  connected: 'connects',
  read: 'reads',
  reported: 'updates',
};
/** What every device has to do before a scenario is over. */
const wanted: Readonly<Record<ScenarioName, readonly Counted[]>> = {
  day: [],
  outage: ['connects', 'reads'],
  failover: ['connects', 'reads'],
  change: ['updates'],
  powerOn: ['connects', 'reads', 'updates'],
};

export function settingsFor({ reconnectSeconds, twinSeconds }: Spreads, high = 'PT7M') {
  const document = {
    reconnectSpread: { value: `PT${reconnectSeconds}S` },
    twinSpread: { value: `PT${twinSeconds}S` },
    highPriorityMessageFrequency: { value: high },
  };
  const twin = { [configurationObjectName]: document };
  const { settings } = evaluateTwin(twin, undefined, configurationObjectName);
  // Of what is reported, one setting that may change is enough; all of them a million times would take minutes.
  return { settings, reported: { highPriorityMessageFrequency: { value: high } } };
}

/** Up to so many devices are simulated together, so that a refusal is felt by those who are refused. */
const togetherMost = 100_000;
/** Larger fleets are simulated in parts of so many, which fit the caches of the processor: twice as fast as in 5,000. */
const partDevices = 1_000;

type Recovery = Partial<Record<Counted, number | undefined>>;

/** Runs one scenario with every device of the fleet. */
export async function simulate(scenario: ScenarioName, plan: Plan): Promise<Outcome> {
  const { devices, edition } = plan;
  if (devices > togetherMost) return simulateInParts(scenario, plan, partDevices);
  const gates = throttles(edition.limits);
  const outcome = await simulatePart(scenario, plan, { gates, first: 0, devices });
  return { ...outcome, figures: forEachCounted((what) => gates[what].figures()) };
}

/**
 * The same in parts, one after the other. Exact as long as the throttles, which see all parts together afterwards, would
 * have let everything pass at once; what they would have refused is counted, but not followed further.
 */
export async function simulateInParts(
  scenario: ScenarioName,
  plan: Plan,
  ofDevices: number,
): Promise<Outcome> {
  const { devices, edition } = plan;
  const gates = forEachCounted(() => new Recorder());
  const recovery: Recovery = {};
  let last: Omit<Outcome, 'figures'> | undefined;
  for (let first = 0; first < devices; first += ofDevices) {
    const part = { gates, first, devices: Math.min(ofDevices, devices - first) };
    last = await simulatePart(scenario, plan, part);
    for (const [what, ms] of Object.entries(last.recovery) as [Counted, number | undefined][]) {
      const before = what in recovery ? recovery[what] : 0;
      recovery[what] = before === undefined || ms === undefined ? undefined : Math.max(before, ms);
    }
  }
  if (last === undefined) throw new Error('A fleet needs devices.');
  const figures = forEachCounted((what) => gates[what].replay(edition.limits[what]));
  return { ...last, recovery, figures };
}

interface Part {
  readonly gates: Gates;
  /** The number of its first device. */
  readonly first: number;
  readonly devices: number;
}

async function simulatePart(
  scenario: ScenarioName,
  plan: Plan,
  part: Part,
): Promise<Omit<Outcome, 'figures'>> {
  const clock = new SimulatedClock();
  const hub = new FleetHub(clock, part.gates);
  const done = new Map(wanted[scenario].map((what) => [what, new Tally(part.devices)]));
  const recovery: Recovery = {};
  for (const what of wanted[scenario]) recovery[what] = undefined;
  let fromMs = Infinity;
  const first = settingsFor(plan.spreads);
  let current = first;
  const world: World = {
    clock,
    hub,
    random: seededRandom(plan.devices + part.first),
    highPerDay: plan.traffic.highPerDay,
    updatesPerLow:
      (plan.traffic.updatesPerDay * first.settings.lowPriorityMessageFrequency.ms) / 86_400_000,
    settings: {
      get current() {
        return current.settings;
      },
    },
    configuration: () => current.reported,
    reported: { settings: first.reported, agentStatus: { number: 0 } },
    onStep: (device, step) => {
      const what = stepOf[step];
      if (what === undefined || clock.monotonicMs() < fromMs) return;
      if (done.get(what)?.isLast(device.number - part.first)) {
        recovery[what] = clock.monotonicMs() - fromMs;
      }
    },
  };
  const devices = Array.from(
    { length: part.devices },
    (_, index) => new SimulatedDevice(world, part.first + index),
  );
  const each = (action: (device: SimulatedDevice) => void): void => devices.forEach(action);
  if (scenario === 'powerOn') {
    fromMs = 0;
    each((device) => device.powerOn(offMs));
  } else {
    each((device) => device.settle());
  }
  begin(scenario, {
    plan,
    clock,
    hub,
    each,
    change: () => (current = settingsFor(plan.spreads, 'PT5M')),
    from: () => (fromMs = clock.monotonicMs()),
  });
  const { leastMs, mostMs } = duration(scenario, plan);
  const isOver = (): boolean =>
    scenario !== 'day' &&
    clock.monotonicMs() >= leastMs &&
    Object.values(recovery).every((ms) => ms !== undefined);
  await clock.run(mostMs, isOver);
  return {
    scenario,
    fromMs: scenario === 'day' ? 0 : fromMs,
    endMs: clock.monotonicMs(),
    recovery,
  };
}

/** How long a scenario is run: the same for all parts of a fleet, and longer only where it does not recover. */
function duration(scenario: ScenarioName, plan: Plan): { leastMs: number; mostMs: number } {
  const { daySeconds, outageSeconds, spreads } = plan;
  if (scenario === 'day') return { leastMs: daySeconds * 1000, mostMs: daySeconds * 1000 };
  const longestMs = Math.max(spreads.reconnectSeconds, spreads.twinSeconds) * 1000;
  const rounds = wanted[scenario].includes('updates') ? 2 : 1;
  // What was due at once after a long time without power may show again one interval later.
  const intervalMs =
    scenario === 'powerOn' ? settingsFor(spreads).settings.lowPriorityMessageFrequency.ms : 0;
  const leastMs =
    startMs(scenario, outageSeconds) + Math.max(rounds * longestMs, intervalMs) + 30_000;
  return { leastMs, mostMs: leastMs + 3_600_000 + longestMs };
}

/** When it happens, or when the hub is there again. */
function startMs(scenario: ScenarioName, outageSeconds: number): number {
  if (scenario === 'powerOn' || scenario === 'day') return 0;
  const awayMs = { outage: outageSeconds * 1000, failover: failoverMs, change: 0 }[scenario];
  return calmMs + awayMs;
}

/** Which of the devices have done something. */
class Tally {
  private readonly seen: Uint8Array;
  private missing: number;

  constructor(devices: number) {
    this.seen = new Uint8Array(devices);
    this.missing = devices;
  }

  /** @returns whether with this device all have done it, for the first time */
  isLast(device: number): boolean {
    if (this.seen[device] === 1) return false;
    this.seen[device] = 1;
    this.missing -= 1;
    return this.missing === 0;
  }
}

interface Stage {
  readonly plan: Plan;
  readonly clock: SimulatedClock;
  readonly hub: FleetHub;
  readonly each: (action: (device: SimulatedDevice) => void) => void;
  readonly change: () => void;
  /** It happens now, or the hub is there again. */
  readonly from: () => void;
}

/** Sets up what happens after some calm minutes. */
function begin(scenario: ScenarioName, stage: Stage): void {
  const { plan, clock, hub, each, change, from } = stage;
  if (scenario === 'outage' || scenario === 'failover') {
    clock.after(calmMs, () => {
      hub.up = false;
      each((device) => device.drop());
    });
    clock.after(startMs(scenario, plan.outageSeconds), () => {
      hub.up = true;
      from();
    });
  } else if (scenario === 'change') {
    clock.after(calmMs, () => {
      change();
      from();
      each((device) => device.settingsChanged());
    });
  }
}

/** Mulberry32: the same fleet behaves the same on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
