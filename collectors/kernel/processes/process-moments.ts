import { type Moment, type ProcessRecord, slackMs } from './process-record.js';
import type { ProcessStore } from './process-store.js';
import type { Doer } from './processes.js';

/** The moment of what `doer` did, as exactly as it is known. */
export function momentOf(store: ProcessStore, pid: number, atMs: number, doer: Doer): Moment {
  const { serial } = doer;
  if (doer.pid === pid) return { atMs, precision: 'own', serial };
  for (const record of store.all(doer.pid)) {
    const moment = record.momentOf(atMs, serial);
    if (moment !== undefined) return moment;
  }
  return { atMs, precision: 'rough', serial };
}

/** Who forked the process, if it had not ended when the process executed what was told for that time. */
export function forkerOf(
  store: ProcessStore,
  pid: number,
  timeMs: number,
  serial: number | undefined,
): number | undefined {
  for (const record of store.all(pid)) {
    const moment = record.momentOf(timeMs, serial);
    if (moment === undefined) continue;
    const { forkSeen, parentPid } = record;
    if (!forkSeen || parentPid === undefined) return undefined;
    const hadEnded = ({ endedMs }: ProcessRecord): boolean => (endedMs ?? Infinity) < moment.atMs;
    const parent = store.all(parentPid).find(({ startedMs }) => startedMs <= moment.atMs);
    return parent === undefined || hadEnded(parent) ? undefined : parentPid;
  }
  return undefined;
}

/** A process that was found missing before its end was told. */
export function endedSince(
  store: ProcessStore,
  pid: number,
  timeMs: number,
): ProcessRecord | undefined {
  const ended = store.ended(pid);
  return ended?.endedMs !== undefined && ended.endedMs >= timeMs ? ended : undefined;
}

/** The process that had the pid at that time and ended, at most `lateMs` before it. */
export function endedAt(
  store: ProcessStore,
  pid: number,
  atMs: number,
  lateMs = slackMs,
): ProcessRecord | undefined {
  return store
    .all(pid)
    .find(
      ({ endedMs, startedMs }) =>
        endedMs !== undefined && startedMs <= atMs + slackMs && atMs <= endedMs + lateMs,
    );
}
