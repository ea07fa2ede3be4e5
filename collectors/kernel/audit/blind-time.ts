import type { ReportLoss } from '../../../base/loss.js';

/** What others did that keeps the events of our rules from us. */
export type Tampering = keyof typeof tamperings;

const tamperings = {
  off: 'Kernel audit was switched off by somebody else (as auditctl -e 0 does).',
  rules: 'Audit rules of this agent were deleted by somebody else (as auditctl -D does).',
} as const;

/** What an inspection found, and whether it could be set right. */
export interface Finding {
  readonly found: readonly Tampering[];
  readonly repaired: boolean;
  /** Why it could not be set right. */
  readonly reason: string;
}

/**
 * Counts the time during which the agent saw nothing through the doing of others, and tells it.
 *
 * 1. It begins when the change was made, as the kernel announced it, or else at the last inspection that found
 *    everything well.
 * 2. Every second is counted once, also while it lasts, and also over many repairs: who deletes the rules ten times a
 *    second makes the agent blind for no more seconds than pass. What is apart by `apartMs` counts a second at least.
 * 3. The same thing is said once in `tellMs` at most: who deletes rules in a loop must not flood the hub as well.
 */
export class BlindTime {
  private lastGoodMs = 0;
  private suspectSinceMs: number | undefined;
  /** The last inspection could not set right what it found. */
  private isBlind = false;
  private readonly told = new Map<Tampering, { readonly atMs: number; unsaid: number }>();
  /** Of what others do without a pause: how long it kept the agent blind so far, and how much of that was counted. */
  private series = { blindMs: 0, countedSeconds: 0, repairs: 0, untilMs: -Infinity };

  constructor(
    private readonly lose: ReportLoss,
    private readonly onTampering: (sentence: string) => void,
  ) {}

  /** Everything is as it should be at `nowMs` (monotonic). */
  good(nowMs: number): void {
    this.lastGoodMs = nowMs;
    this.suspectSinceMs = undefined;
  }

  /** The configuration of audit was changed at `atMs` (monotonic), perhaps to our harm. */
  suspect(atMs: number): void {
    this.suspectSinceMs ??= Math.max(atMs, this.lastGoodMs);
  }

  inspected({ found, repaired, reason }: Finding, nowMs: number): void {
    // Who finds everything well again after a failure to set it right has been blind until somebody else did.
    if (found.length === 0 && this.isBlind) {
      const counted = this.count(this.suspectSinceMs ?? this.lastGoodMs, nowMs, true);
      if (counted > 0) this.lose('blindSeconds', counted);
    }
    if (found.length > 0) {
      const sinceMs = this.suspectSinceMs ?? this.lastGoodMs;
      const counted = this.count(sinceMs, nowMs, repaired);
      const outcome = repaired
        ? `It was set right again after at most ${Math.max(1, Math.ceil((nowMs - sinceMs) / 1000))} s.`
        : `It could not be set right: ${reason}`;
      if (counted > 0) this.lose('blindSeconds', counted);
      for (const kind of found) this.tell(kind, outcome, nowMs);
    }
    this.isBlind = found.length > 0 && !repaired;
    if (repaired) this.good(nowMs);
    else this.suspectSinceMs = this.isBlind ? nowMs : undefined;
  }

  /** Adds what was seen of nothing to the present series; returns the seconds of it that are to be counted now. */
  private count(sinceMs: number, nowMs: number, isOver: boolean): number {
    const { series } = this;
    if (sinceMs - series.untilMs >= apartMs)
      Object.assign(series, { blindMs: 0, countedSeconds: 0, repairs: 0 });
    series.blindMs += Math.max(0, nowMs - sinceMs);
    series.untilMs = nowMs;
    if (isOver) series.repairs++;
    const seconds = series.blindMs / 1000;
    // A second that has begun counts as one after the first repair only: later it may be over before it is whole.
    const whole = series.repairs === 1 ? Math.ceil(seconds) : Math.floor(seconds);
    const due = isOver ? Math.max(1, whole) : Math.floor(seconds);
    const counted = Math.max(0, due - series.countedSeconds);
    series.countedSeconds += counted;
    return counted;
  }

  private tell(kind: Tampering, outcome: string, nowMs: number): void {
    const last = this.told.get(kind);
    if (last !== undefined && nowMs - last.atMs < tellMs) {
      last.unsaid++;
      return;
    }
    const unsaid = last?.unsaid ?? 0;
    const before = unsaid === 0 ? '' : ` It happened ${unsaid} more times before.`;
    this.told.set(kind, { atMs: nowMs, unsaid: 0 });
    this.onTampering(`${tamperings[kind]} ${outcome}${before}`);
  }
}

const tellMs = 60_000;
const apartMs = 1000;
