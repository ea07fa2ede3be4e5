import type { Clock, Timer } from '../../base/clock.js';

/** One thing that must keep moving for the agent to do its work. */
export interface ProgressCheck {
  /** Completes "… makes no progress". */
  readonly what: string;
  /** Settles, either way, once that thing has come round; a refusal (a full disk, say) is an answer like any other. */
  probe(): Promise<unknown>;
}

interface ProgressOptions {
  readonly clock: Clock;
  readonly checks: readonly ProgressCheck[];
  readonly intervalMs: number;
  /** A probe without an answer for longer means that the thing is stuck. */
  readonly boundMs: number;
  /** Everything moves; called at each interval, and so only while the event loop turns. */
  readonly onProgress: () => void;
  /** Something is stuck, told once for each that is. */
  readonly onStuck: (what: string, forMs: number) => void;
}

/**
 * Knows whether the agent makes progress, whatever its load.
 *
 * 1. At most one probe of each check is pending.
 * 2. Progress is told only while no probe is older than the bound; a thing that moves again counts again.
 * 3. Only what a restart would cure is probed: neither the hub nor the room on the disk.
 */
export class ProgressMonitor {
  private readonly pending = new Map<ProgressCheck, { readonly sinceMs: number; told: boolean }>();
  private timer: Timer | undefined;

  constructor(private readonly options: ProgressOptions) {}

  start(): void {
    this.look();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private look(): void {
    const { boundMs, checks, clock, intervalMs, onProgress, onStuck } = this.options;
    const nowMs = clock.monotonicMs();
    let moves = true;
    for (const check of checks) {
      const probe = this.pending.get(check);
      if (probe === undefined) this.probe(check, nowMs);
      else if (nowMs - probe.sinceMs > boundMs) {
        moves = false;
        if (!probe.told) onStuck(check.what, nowMs - probe.sinceMs);
        probe.told = true;
      }
    }
    if (moves) onProgress();
    this.timer = clock.after(intervalMs, () => this.look());
  }

  private probe(check: ProgressCheck, nowMs: number): void {
    this.pending.set(check, { sinceMs: nowMs, told: false });
    const answered = (): void => void this.pending.delete(check);
    check.probe().then(answered, answered);
  }
}
