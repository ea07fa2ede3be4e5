import type { ReportLoss } from '../../loss.js';

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
 * 1. It begins when the kernel announced a change, or else at the last inspection that found everything well.
 * 2. Every second is counted once, also while it lasts.
 * 3. The same thing is said once in `tellMs` at most: who deletes rules in a loop must not flood the hub as well.
 */
export class BlindTime {
  private lastGoodMs = 0;
  private suspectSinceMs: number | undefined;
  private blindSinceMs: number | undefined;
  private readonly told = new Map<Tampering, { readonly atMs: number; unsaid: number }>();

  constructor(
    private readonly lose: ReportLoss,
    private readonly onTampering: (sentence: string) => void,
  ) {}

  /** Everything is as it should be at `nowMs` (monotonic). */
  good(nowMs: number): void {
    this.lastGoodMs = nowMs;
    this.suspectSinceMs = undefined;
  }

  /** The configuration of audit was changed, perhaps to our harm. */
  suspect(nowMs: number): void {
    this.suspectSinceMs ??= nowMs;
  }

  inspected({ found, repaired, reason }: Finding, nowMs: number): void {
    if (found.length > 0) {
      const sinceMs = this.blindSinceMs ?? this.suspectSinceMs ?? this.lastGoodMs;
      const seconds = (nowMs - sinceMs) / 1000;
      const counted = repaired ? Math.max(1, Math.ceil(seconds)) : Math.floor(seconds);
      if (counted > 0) this.lose('blindSeconds', counted);
      this.blindSinceMs = repaired ? undefined : sinceMs + counted * 1000;
      const outcome = repaired
        ? `It was set right again after at most ${counted} s.`
        : `It could not be set right: ${reason}`;
      for (const kind of found) this.tell(kind, outcome, nowMs);
    }
    if (repaired) this.good(nowMs);
    this.suspectSinceMs = undefined;
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
