import type { Clock, Timer } from '../../base/clock.js';

const lookIntervalMs = 5_000;
/** Less is what time services do every day. */
const leastStepMs = 30_000;

/** The wall clock was set while the agent ran; milliseconds since the epoch. */
export interface ClockStep {
  /** What it would say had nobody touched it. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** Notices that the wall clock was set, by comparing it with the monotonic one. */
export class ClockWatch {
  private timer: Timer | undefined;
  private offsetMs = 0;

  constructor(
    private readonly clock: Clock,
    private readonly onStep: (step: ClockStep) => void,
    /** At each look, so many milliseconds after the last one. */
    private readonly onLook: (dueMs: number) => void = () => undefined,
  ) {}

  start(): void {
    this.offsetMs = this.offset();
    this.lookLater();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private lookLater(): void {
    this.timer = this.clock.after(lookIntervalMs, () => {
      const offsetMs = this.offset();
      const byMs = offsetMs - this.offsetMs;
      this.offsetMs = offsetMs;
      this.lookLater();
      this.onLook(lookIntervalMs);
      const toMs = this.clock.wallMs();
      if (Math.abs(byMs) >= leastStepMs) this.onStep({ fromMs: toMs - byMs, toMs });
    });
  }

  private offset(): number {
    return this.clock.wallMs() - this.clock.monotonicMs();
  }
}

/** What an operator is told about it. */
export function stepSentence({ fromMs, toMs }: ClockStep): string {
  const how = toMs > fromMs ? 'forward' : 'back';
  return `The clock of the device was set ${how} by ${spanText(toMs - fromMs)}, from ${timeText(fromMs)} to ${timeText(toMs)}; intervals go on as before.`;
}

/** For example `2 h 5 min`. */
export function spanText(spanMs: number): string {
  const seconds = Math.round(Math.abs(spanMs) / 1000);
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  let rest = seconds;
  const parts = units.map(([size, name]) => {
    const count = Math.floor(rest / size);
    rest %= size;
    return count > 0 ? [`${count} ${name}`] : [];
  });
  return parts.flat().slice(0, 2).join(' ') || '0 s';
}

/** To the second, UTC. */
export function timeText(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/\.\d+Z$/, 'Z');
}
