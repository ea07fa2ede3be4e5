import type { SentSignal } from '../../collectors/kernel/audit/sent-signal.js';
import type { Beat, Moment } from './moment.js';

/** What systemd says of the end of a service, see `$SERVICE_RESULT` in systemd.exec(5). */
export interface ServiceEnd {
  /** `success`, `signal`, `watchdog`, `oom-kill`, `timeout`, … */
  readonly result: string;
  /** `exited`, `killed` or `dumped`. */
  readonly code: string;
  /** The exit code, or the name of the signal: `KILL`. */
  readonly status: string;
}

export type AbsenceCause =
  | 'stopped'
  | 'crashed'
  | 'killed'
  | 'outOfMemory'
  | 'watchdog'
  | 'ended'
  | 'shutDown'
  | 'powerLost'
  | 'frozen'
  | 'slept';

/** A time in which nobody watched the device. */
export interface Absence {
  readonly cause: AbsenceCause;
  /** How long; undefined where no clock can say so. */
  readonly durationMs: number | undefined;
  /** Wall clock: of its beginning at the earliest, and of its end. */
  readonly fromMs: number;
  readonly toMs: number;
  /** What sent the signal that ended or stopped the agent, where the kernel told. */
  readonly signal?: SentSignal;
  /** The signal that stopped the agent before another ended it. */
  readonly stoppedBefore?: SentSignal;
  /** As systemd or the kernel names it, where nobody told who sent it. */
  readonly signalName?: string;
}

const continues = 18;
export const signalNames: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  15: 'SIGTERM',
  [continues]: 'SIGCONT',
  19: 'SIGSTOP',
};
/** The worst first: what is asked to end before it is killed was killed. */
const ending: readonly number[] = [9, 6, 3, 11, 4, 7, 8, 15, 2];
const asking: readonly number[] = [15, 2];
const stopping = 19;

interface Return {
  /** The last sign of life of the run before. */
  readonly before: Beat;
  readonly now: Moment;
  /** Those that were sent to the process of that run, in order. */
  readonly signals: readonly SentSignal[];
  readonly systemd?: ServiceEnd | undefined;
}

/** Why nobody watched between two runs, and for how long. */
export function absenceBetween({ before, now, signals, systemd }: Return): Absence {
  const isSameBoot = before.bootId === now.bootId && before.bootId !== '';
  const wallMs = now.wallMs - before.wallMs;
  const gapMs = isSameBoot
    ? now.sinceBootMs - before.sinceBootMs
    : wallMs >= now.sinceBootMs
      ? wallMs
      : undefined;
  const common = { durationMs: gapMs, fromMs: before.wallMs, toMs: now.wallMs };
  if (before.ended === 'crashed') return { cause: 'crashed', ...common };
  if (before.ended === 'asked') {
    const signal = before.signal ?? last(signals, asking);
    const cause = isSameBoot ? 'stopped' : 'shutDown';
    return { cause, ...common, ...(signal !== undefined && { signal }) };
  }
  if (!isSameBoot) return { cause: 'powerLost', ...common };
  const signal = last(signals, ending);
  const stoppedBefore = unfinishedStop(signals);
  const details = {
    ...common,
    ...(signal !== undefined && narrowed(common, signal)),
    ...(stoppedBefore !== undefined && { stoppedBefore }),
  };
  if (systemd?.result === 'watchdog') return { cause: 'watchdog', ...details };
  if (systemd?.result === 'oom-kill') return { cause: 'outOfMemory', ...details };
  if (signal !== undefined) return { cause: 'killed', ...details, signal };
  if (systemd !== undefined && systemd.code !== 'exited')
    return { cause: 'killed', ...details, signalName: `SIG${systemd.status}` };
  return { cause: 'ended', ...details };
}

/** The moment of the signal is nearer than that of the sign of life before it; unless the clock was set in between. */
function narrowed(
  { durationMs = Infinity, toMs }: Pick<Absence, 'durationMs' | 'toMs'>,
  { timeMs }: SentSignal,
): Partial<Absence> {
  const sinceMs = toMs - timeMs;
  return sinceMs >= 0 && sinceMs <= durationMs ? { durationMs: sinceMs, fromMs: timeMs } : {};
}

function last(signals: readonly SentSignal[], wanted: readonly number[]): SentSignal | undefined {
  for (const number of wanted) {
    const found = signals.findLast(({ signal }) => signal === number);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The SIGSTOP after which nothing let the process go on. */
function unfinishedStop(signals: readonly SentSignal[]): SentSignal | undefined {
  const stop = signals.findLast(({ signal }) => signal === stopping);
  const goesOn = signals.findLast(({ signal }) => signal === continues);
  if (stop === undefined) return undefined;
  return goesOn !== undefined && goesOn.timeMs > stop.timeMs ? undefined : stop;
}

export function isStop({ signal }: SentSignal): boolean {
  return signal === stopping;
}

export function letsGoOn({ signal }: SentSignal): boolean {
  return signal === continues;
}

export function asksToEnd({ signal }: SentSignal): boolean {
  return asking.includes(signal);
}

/** A look comes so much late at least where the agent was stopped or frozen; less is a busy device. */
const leastStandstillMs = 5_000;
/** Less is the resolution of the clocks. */
const leastSleepMs = 10_000;

/**
 * What kept the agent from looking between two looks of one run.
 *
 * @param dueMs after how long of being awake the second was due
 * @param busyMs for how long the agent ran, or waited for a processor: a standstill is neither
 */
export function absencesWhileRunning(
  before: Moment,
  now: Moment,
  dueMs: number,
  busyMs: number,
): readonly Absence[] {
  const awakeMs = now.awakeMs - before.awakeMs;
  const sleptMs = now.sinceBootMs - before.sinceBootMs - awakeMs;
  const stoodMs = awakeMs - dueMs - busyMs;
  const span = { fromMs: before.wallMs, toMs: now.wallMs };
  return [
    ...(sleptMs >= leastSleepMs ? [{ cause: 'slept', durationMs: sleptMs, ...span } as const] : []),
    ...(stoodMs >= leastStandstillMs
      ? [{ cause: 'frozen', durationMs: stoodMs, ...span } as const]
      : []),
  ];
}
