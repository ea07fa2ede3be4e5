import { evaluateTwin } from '../../config/evaluate-twin.js';
import { configurationObjectName, type TwinSettings } from '../../config/twin-settings.js';
import { measuredDay, type MeasuredDay, type Metered } from './day/measured.js';
import { cheapestEdition, edition, tierNames, type Edition, type TierName } from './hub-limits.js';

/** What one device does on an ordinary day. */
export interface Traffic {
  /** Events of high priority; a message each, unless they fall into one interval. */
  readonly highPerDay: number;
  /** Metered units of 4 KB of a request of each kind, as a mean. */
  readonly lowUnits: number;
  readonly highUnits: number;
  readonly readUnits: number;
  readonly updateUnits: number;
  readonly updatesPerDay: number;
  readonly readsPerDay: number;
}

const dayMs = 86_400_000;

/** Of one request; 0 where there was none. */
const mean = ({ count, units }: Metered): number => (count === 0 ? 0 : units / count);

/** The traffic that leads to what was measured with the default intervals. */
export function trafficOf({ high, low, reads, updates }: MeasuredDay): Traffic {
  const perDay = dayMs / twinDefaults.highPriorityMessageFrequency.ms;
  return {
    // So many events, at moments of chance, fall into as many intervals as messages were sent.
    highPerDay: -perDay * Math.log(1 - high.count / perDay),
    highUnits: mean(high),
    lowUnits: mean(low),
    readUnits: mean(reads),
    readsPerDay: reads.count,
    updateUnits: mean(updates),
    updatesPerDay: updates.count,
  };
}

const twinDefaults = evaluateTwin({}, undefined, configurationObjectName).settings;

export const ordinaryTraffic: Traffic = trafficOf(measuredDay);

type Intervals = Pick<TwinSettings, 'highPriorityMessageFrequency' | 'lowPriorityMessageFrequency'>;

/** Messages of one device in a day. */
export function sendsPerDay(traffic: Traffic, intervals: Intervals): number {
  return highSends(traffic, intervals) + dayMs / intervals.lowPriorityMessageFrequency.ms;
}

function highSends({ highPerDay }: Traffic, intervals: Intervals): number {
  const perDay = dayMs / intervals.highPriorityMessageFrequency.ms;
  return perDay * (1 - Math.exp(-highPerDay / perDay));
}

/** Metered units of one device in a day. */
export function unitsPerDay(traffic: Traffic, intervals: Intervals): number {
  return (
    highSends(traffic, intervals) * traffic.highUnits +
    (dayMs / intervals.lowPriorityMessageFrequency.ms) * traffic.lowUnits +
    traffic.readsPerDay * traffic.readUnits +
    traffic.updatesPerDay * traffic.updateUnits
  );
}

/**
 * The cheapest edition for the ordinary traffic of a fleet that leaves enough of the sends to recover beside it, or the
 * one that is asked for.
 */
export function editionFor(
  devices: number,
  traffic: Traffic,
  intervals: Intervals,
  wanted: { readonly tier?: TierName; readonly units?: number } = {},
): Edition {
  const { tier, units } = wanted;
  if (tier !== undefined && units !== undefined) return edition(tier, units);
  const recovers = (candidate: Edition): boolean => {
    const { twinSeconds } = recommendedSpreads(devices, candidate, traffic, intervals);
    const bound = devices / Math.min(candidate.limits.connects, candidate.limits.reads);
    return twinSeconds <= Math.max(shortestSeconds, quickEnough * bound + 1);
  };
  const quota = devices * unitsPerDay(traffic, intervals);
  return cheapestEdition(tier === undefined ? tierNames : [tier], quota, recovers);
}

export interface Spreads {
  readonly reconnectSeconds: number;
  readonly twinSeconds: number;
}

/** A spread may use this part of a limit; the rest is for what is uneven by chance. */
const usable = 1 / 1.11;
/** The throttles of twins are low, and chance counts for more there. */
const usableTwins = 1 / 1.15;
/** Of the sends, of which the ordinary traffic takes its part only at the end of a recovery. */
const usableSends = 0.97;
/** The longest spread against the lower bound. */
const quickEnough = 1.17;
/** Faster than this nobody need be; a back-off ends before the moment of the next one. */
const shortestSeconds = 15;

/**
 * The settings for a fleet: the twins are spread as the throttles of reads and updates ask for, the connections as
 * those of connects and of sends beside the ordinary traffic, and the one divides the other.
 */
export function recommendedSpreads(
  devices: number,
  { limits }: Edition,
  traffic: Traffic,
  intervals: Intervals,
): Spreads {
  const steadySends = (devices * sendsPerDay(traffic, intervals)) / 86_400;
  const pace = Math.max(
    1,
    Math.min(limits.connects * usable, limits.sends * usableSends - steadySends),
  );
  const leastReconnect = Math.max(shortestSeconds, devices / pace);
  const leastTwin = devices / (Math.min(limits.reads, 2 * limits.updates) * usableTwins);
  const times = Math.max(1, Math.floor(leastTwin / leastReconnect));
  const reconnectSeconds = Math.ceil(Math.max(leastReconnect, leastTwin / times));
  return { reconnectSeconds, twinSeconds: reconnectSeconds * times };
}
