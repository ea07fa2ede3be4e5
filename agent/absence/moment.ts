import { uptime } from 'node:os';
import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.js';
import type { SentSignal } from '../../collectors/kernel/audit/sent-signal.js';

const longestPath = 4096;

/** One moment by every clock of the device, so that a step of one of them, sleep and standstill can be told apart. */
export interface Moment {
  /** Random id of the boot; empty where it is not known. */
  readonly bootId: string;
  /** Since the epoch, in milliseconds; may have been set. */
  readonly wallMs: number;
  /** Since the boot, those of sleep included (CLOCK_BOOTTIME), in milliseconds. */
  readonly sinceBootMs: number;
  /** The same without sleep (CLOCK_MONOTONIC). */
  readonly awakeMs: number;
}

/** How a run ended as far as it could say so itself. */
export type OwnEnd = 'asked' | 'crashed';

/** A sign of life that a run leaves behind. */
export interface Beat extends Moment {
  readonly pid: number;
  /** Absent while the run goes on. */
  readonly ended?: OwnEnd;
  /** What asked it to end, where the kernel told. */
  readonly signal?: SentSignal;
}

export function momentNow(bootId: string, wallMs: number): Moment {
  return {
    bootId,
    wallMs,
    sinceBootMs: uptime() * 1000,
    // Node's hrtime is CLOCK_MONOTONIC.
    awakeMs: Number(process.hrtime.bigint() / 1_000_000n),
  };
}

/** A stored sign of life, or undefined when that is not one. */
export function parseBeat(value: JsonValue | undefined): Beat | undefined {
  if (!isJsonObject(value)) return undefined;
  const { awakeMs, bootId, ended, pid, sinceBootMs, wallMs } = value;
  const signal = parseSignal(value['signal']);
  if (typeof bootId !== 'string' || !isTime(wallMs) || !isTime(sinceBootMs) || !isTime(awakeMs))
    return undefined;
  if (!isNumber(pid)) return undefined;
  return {
    ...{ bootId: bootId.slice(0, 64), wallMs, sinceBootMs, awakeMs, pid },
    ...((ended === 'asked' || ended === 'crashed') && { ended }),
    ...(signal !== undefined && { signal }),
  };
}

export function beatAsJson({ signal, ...beat }: Beat): JsonObject {
  return {
    ...beat,
    ...(signal !== undefined && { signal: { ...signal, by: { ...signal.by } } }),
  };
}

function parseSignal(value: JsonValue | undefined): SentSignal | undefined {
  if (!isJsonObject(value)) return undefined;
  const { by, signal, target, timeMs } = value;
  if (!isTime(timeMs) || !isNumber(signal) || !isNumber(target) || !isJsonObject(by))
    return undefined;
  const { executable, pid, uid } = by;
  if (!isNumber(pid)) return undefined;
  return {
    ...{ timeMs, signal, target },
    by: {
      pid,
      ...(typeof executable === 'string' && { executable: executable.slice(0, longestPath) }),
      ...(typeof uid === 'number' && Number.isSafeInteger(uid) && { uid }),
    },
  };
}

/** The later of two, either of which may be missing: by the clock that nobody sets, where both are of one boot. */
export function laterBeat(one: Beat | undefined, other: Beat | undefined): Beat | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const isSameBoot = one.bootId === other.bootId && one.bootId !== '';
  const clock = isSameBoot ? 'sinceBootMs' : 'wallMs';
  return other[clock] > one[clock] || (other[clock] === one[clock] && other.ended !== undefined)
    ? other
    : one;
}

/** Of a process or a signal. */
function isNumber(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
}

/** Of any time that a Date can hold. */
function isTime(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && value >= 0 && value <= 8.64e15;
}
