import type { JsonObject } from '../../base/json.js';
import { utcText } from '../../base/timestamps.js';
import { version } from '../../base/version.js';
import type { Rejection } from '../../config/rejection.js';
import type { TwinDialect } from '../../config/twin-dialects.js';
import type { EventName } from '../../contract/events.js';
import type { LossCounts } from '../accounting/losses.js';
import type { CollectorState } from '../runner/collector-state.js';

const mostRejections = 16;
const longestSentence = 256;

interface StatusFacts {
  /** Wall clock, milliseconds since the epoch. */
  readonly startedMs: number;
  readonly desiredVersion: number;
  readonly dialect: TwinDialect;
  /** Switched off by the owner of the device. */
  readonly disabledEvents: readonly EventName[];
  readonly problems: readonly Rejection[];
  readonly collectors: Readonly<Record<string, CollectorState>>;
  readonly losses: Readonly<Record<string, LossCounts>>;
  /** Which rules of detection are in force; absent until that is known. */
  readonly detection?: JsonObject | undefined;
  /** The end of the certificate, milliseconds since the epoch; undefined where there is none. */
  readonly certificateValidToMs?: number | undefined;
  /** The metered units of today (UTC), when a cap is set. */
  readonly units?: { readonly today: number; readonly cap: number; readonly lowDelays: number };
}

/**
 * What the reported properties tell beside the configuration object: version, rejected keys, and per collector the
 * source in use and the losses by cause. Objects only, because twins of IoT Edge mishandle arrays; short texts,
 * because a twin holds 32 KB.
 */
export function agentStatus(facts: StatusFacts): JsonObject {
  const collectors = Object.entries(facts.collectors).map(([name, state]) => [
    name,
    {
      state: state.state,
      ...(state.source === undefined ? {} : { source: state.source }),
      ...(state.limitation === undefined ? {} : { limitation: short(state.limitation) }),
      ...(state.counters === undefined ? {} : { counters: { ...state.counters } }),
      losses: { ...facts.losses[name] },
    },
  ]);
  const others = Object.entries(facts.losses).filter(([name]) => !(name in facts.collectors));
  return {
    agentVersion: version,
    startTimeUtc: utcText(facts.startedMs),
    desiredVersion: facts.desiredVersion,
    twinDialect: facts.dialect,
    ...(facts.certificateValidToMs === undefined
      ? {}
      : { certificate: { validToUtc: utcText(facts.certificateValidToMs) } }),
    ...(facts.disabledEvents.length === 0
      ? {}
      : {
          disabledByOwner: Object.fromEntries(facts.disabledEvents.map((name) => [name, true])),
        }),
    rejected: Object.fromEntries(
      facts.problems
        .slice(0, mostRejections)
        .map(({ key, reason }) => [legalKey(key), short(reason)]),
    ),
    collectors: Object.fromEntries(collectors) as JsonObject,
    ...(facts.detection === undefined ? {} : { detection: facts.detection }),
    ...(facts.units === undefined ? {} : { units: { ...facts.units } }),
    losses: Object.fromEntries(others.map(([name, counts]) => [name, { ...counts }])),
  };
}

function short(sentence: string): string {
  return sentence.length <= longestSentence ? sentence : `${sentence.slice(0, longestSentence)}…`;
}

/** Twin keys hold no dots, dollar signs or blanks. */
function legalKey(key: string): string {
  return key.replace(/[.$\s]/g, '_').slice(0, 64);
}
