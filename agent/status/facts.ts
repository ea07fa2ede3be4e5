import type { LossCause } from '../../base/loss.js';
import { utcText } from '../../base/timestamps.js';
import { version } from '../../base/version.js';
import type { Rejection } from '../../config/rejection.js';
import type { TwinDialect } from '../../config/twin-dialects.js';
import type { LossCounts } from '../accounting/losses.js';
import type { DetectionState } from '../detection/detection.js';
import type { HistoryStats } from '../history/history.js';
import type { CollectorState } from '../runner/collector-state.js';
import type { QueueName, QueueStats } from '../spool/types.js';
import type { Silence } from '../uplink/acknowledgements.js';
import type { UnitCounts } from '../uplink/daily-units.js';
import type { LossOf, StatusFacts } from './document.js';

/** What the parts of the agent say of themselves at one moment. */
export interface Sources {
  readonly nowWallMs: number;
  readonly uptimeMs: number;
  readonly ready: boolean;
  readonly logProblem: string | undefined;
  readonly memoryBytes: number;
  readonly cpuMicroseconds: number;
  readonly connection: StatusFacts['connection'];
  /** The end of the certificate, milliseconds since the epoch; undefined where there is none. */
  readonly certificateValidToMs: number | undefined;
  readonly desiredVersion: number;
  readonly dialect: TwinDialect;
  readonly disabledEvents: readonly string[];
  readonly twinProblems: readonly Rejection[];
  readonly collectors: Readonly<Record<string, CollectorState>>;
  readonly losses: Readonly<Record<string, LossCounts>>;
  readonly lastHour: (component: string, cause: LossCause, total: number) => number;
  readonly detection: DetectionState;
  readonly spool: {
    readonly problem: string | undefined;
    readonly limitBytes: number;
    readonly queues: Readonly<Record<QueueName, QueueStats>>;
  };
  readonly history: HistoryStats & { readonly problem: string | undefined };
  readonly silence: Silence;
  readonly today: UnitCounts;
}

/** The facts of the status, of what the parts say. */
export function statusFacts(sources: Sources): StatusFacts {
  const { collectors, history, nowWallMs, silence, spool, today, uptimeMs } = sources;
  const { lastAlert, problem, ...counted } = sources.detection;
  const queues = Object.entries(spool.queues);
  const others = Object.keys(sources.losses).filter((name) => !(name in collectors));
  // The wall clock may have been set since something happened.
  const secondsSince = (wallMs: number): number =>
    Math.max(0, Math.round((nowWallMs - wallMs) / 1000));
  return {
    agent: {
      version,
      pid: process.pid,
      ready: sources.ready,
      ...(sources.logProblem === undefined ? {} : { logProblem: sources.logProblem }),
      startedUtc: utcText(nowWallMs - uptimeMs),
      uptimeSeconds: Math.round(uptimeMs / 1000),
      residentBytes: sources.memoryBytes,
      cpuSeconds: Math.round(sources.cpuMicroseconds / 10_000) / 100,
    },
    connection: sources.connection,
    ...(sources.certificateValidToMs === undefined
      ? {}
      : {
          certificate: {
            validToUtc: utcText(sources.certificateValidToMs),
            secondsLeft: Math.round((sources.certificateValidToMs - nowWallMs) / 1000),
          },
        }),
    twin: {
      desiredVersion: sources.desiredVersion,
      dialect: sources.dialect,
      problems: sources.twinProblems.map(({ key, errorType, reason, used }) => ({
        key,
        errorType,
        reason,
        used,
      })),
    },
    disabledByOwner: [...new Set(sources.disabledEvents)],
    collectors: Object.fromEntries(
      Object.entries(collectors).map(([name, state]) => [
        name,
        {
          state: state.state,
          ...(state.source === undefined ? {} : { source: state.source }),
          ...(state.limitation === undefined ? {} : { limitation: state.limitation }),
          ...(state.lastRunMs === undefined
            ? {}
            : {
                lastRunUtc: utcText(state.lastRunMs),
                secondsSinceRun: secondsSince(state.lastRunMs),
              }),
          ...(state.durationMs === undefined ? {} : { durationSeconds: state.durationMs / 1000 }),
          counters: { ...state.counters },
          losses: lossesOf(name, sources),
        },
      ]),
    ),
    detection: {
      ...counted,
      ...(problem === undefined ? {} : { problem }),
      ...(lastAlert === undefined
        ? {}
        : {
            lastAlert: {
              title: lastAlert.title,
              utc: utcText(lastAlert.timeMs),
              secondsAgo: secondsSince(lastAlert.timeMs),
            },
          }),
    },
    spool: {
      ...(spool.problem === undefined ? {} : { problem: spool.problem }),
      limitBytes: spool.limitBytes,
      diskBytes: queues.reduce((sum, [, { diskBytes }]) => sum + diskBytes, 0),
      queues: Object.fromEntries(
        queues.map(([name, { bytes, events, oldestWallMs }]) => [
          name,
          {
            events,
            bytes,
            ...(oldestWallMs === undefined ? {} : { oldestSeconds: secondsSince(oldestWallMs) }),
          },
        ]),
      ),
    },
    history: {
      ...(history.problem === undefined ? {} : { problem: history.problem }),
      limitBytes: history.limitBytes,
      diskBytes: history.diskBytes,
      events: history.events,
      ...(history.oldestWallMs === undefined
        ? {}
        : { oldestSeconds: secondsSince(history.oldestWallMs) }),
    },
    delivery: {
      failedInARow: silence.failedInARow,
      waitingSeconds: Math.round(silence.waitingMs / 1000),
      ...(silence.failure === undefined ? {} : { failure: silence.failure }),
    },
    today: {
      messages: today.acknowledgedMessagesToday,
      units: today.acknowledgedUnitsToday,
      unacknowledged: today.messagesToday - today.acknowledgedMessagesToday,
      unitsHandedOver: today.unitsToday,
      ...(today.maxUnitsPerDay === 0 ? {} : { unitCap: today.maxUnitsPerDay }),
      lowDelays: today.lowDelays,
    },
    losses: Object.fromEntries(others.map((name) => [name, lossesOf(name, sources)])),
  };
}

function lossesOf(component: string, { lastHour, losses }: Sources): LossOf {
  return Object.fromEntries(
    Object.entries(losses[component] ?? {}).map(([cause, total]) => [
      cause,
      { total, lastHour: lastHour(component, cause as LossCause, total) },
    ]),
  );
}
