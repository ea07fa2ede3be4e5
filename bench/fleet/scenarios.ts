import { withinTwinLimits } from '../../agent/twin/reported-limits.js';
import { evaluateTwin } from '../../config/evaluate-twin.js';
import { configurationObjectName } from '../../config/twin-settings.js';
import { FleetHub } from './fleet-hub.js';
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
  readonly recovery: Readonly<Partial<Record<Counted, number | undefined>>>;
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
  return evaluateTwin({ [configurationObjectName]: document }, undefined, configurationObjectName);
}

/** Runs one scenario with every device of the fleet. */
export async function simulate(scenario: ScenarioName, plan: Plan): Promise<Outcome> {
  const clock = new SimulatedClock();
  const hub = new FleetHub(clock, plan.edition.limits);
  const done = new Map(wanted[scenario].map((what) => [what, new Tally(plan.devices)]));
  const recovery: Partial<Record<Counted, number | undefined>> = {};
  for (const what of wanted[scenario]) recovery[what] = undefined;
  let fromMs = Infinity;
  const first = settingsFor(plan.spreads);
  let current = first;
  const world: World = {
    clock,
    hub,
    random: seededRandom(plan.devices),
    highPerDay: plan.traffic.highPerDay,
    updatesPerLow:
      (plan.traffic.updatesPerDay * first.settings.lowPriorityMessageFrequency.ms) / 86_400_000,
    settings: () => current.settings,
    configuration: () => current.reported,
    reported: { settings: withinTwinLimits(first.reported), agentStatus: { number: 0 } },
    onStep: (device, step) => {
      const what = stepOf[step];
      if (what === undefined || clock.monotonicMs() < fromMs) return;
      if (done.get(what)?.isLast(device.number)) recovery[what] = clock.monotonicMs() - fromMs;
    },
  };
  const devices = Array.from(
    { length: plan.devices },
    (_, index) => new SimulatedDevice(world, index),
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
  const { reconnectSeconds, twinSeconds } = plan.spreads;
  const longestMs =
    scenario === 'day'
      ? plan.daySeconds * 1000
      : calmMs +
        plan.outageSeconds * 1000 +
        3_600_000 +
        4000 * (reconnectSeconds + 3 * twinSeconds);
  await clock.run(
    longestMs,
    () => scenario !== 'day' && Object.values(recovery).every((ms) => ms !== undefined),
  );
  return {
    scenario,
    figures: hub.figures(),
    fromMs: scenario === 'day' ? 0 : fromMs,
    endMs: clock.monotonicMs(),
    recovery,
  };
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
    const awayMs = scenario === 'outage' ? plan.outageSeconds * 1000 : failoverMs;
    clock.after(calmMs, () => {
      hub.up = false;
      each((device) => device.drop());
    });
    clock.after(calmMs + awayMs, () => {
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
