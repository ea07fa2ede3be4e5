/** Where in the audit stream a run of the agent was when it last said so. */
export interface AuditPlace {
  /** `/proc/sys/kernel/random/boot_id`; serials start again with each boot. */
  readonly bootId: string;
  readonly serial: number;
  /** Wall clock of that record, milliseconds since the epoch. */
  readonly timeMs: number;
  /** The rules were taken back after it: what happened then left no records, and no gap in the serials. */
  readonly rulesGone: boolean;
}

/**
 * Counts the time during which no run of the agent read the audit stream: from the last record that an earlier run
 * noted to the first one of this run.
 *
 * 1. Nothing is counted on the first run of all, and once only on the others.
 * 2. Serials that go on without a gap, as from a socket that systemd kept open, mean that nothing was missed.
 * 3. After a restart of the device the time since its boot counts.
 */
export class UnreadTime {
  private current: AuditPlace | undefined;
  private counted = false;

  constructor(
    private readonly last: AuditPlace | undefined,
    private readonly bootId: string,
    private readonly uptimeMs: () => number,
  ) {}

  /** @returns the seconds that nobody read before this record; 0 for every record but the first of the run */
  see(serial: number, timeMs: number): number {
    const { bootId } = this;
    if (this.current === undefined || serial > this.current.serial) {
      this.current = { bootId, serial, timeMs, rulesGone: false };
    }
    if (this.counted) return 0;
    this.counted = true;
    if (this.last === undefined) return 0;
    if (this.last.bootId !== bootId) return Math.ceil(this.uptimeMs() / 1000);
    if (!this.last.rulesGone && serial <= this.last.serial + 1) return 0;
    return Math.max(1, Math.ceil((timeMs - this.last.timeMs) / 1000));
  }

  /** The rules are taken back: what happens from now on leaves no records. */
  rulesGone(): void {
    if (this.current !== undefined) this.current = { ...this.current, rulesGone: true };
  }

  /** What the next run needs to know; the place of the earlier run while this one has read nothing. */
  get place(): AuditPlace | undefined {
    return this.current ?? this.last;
  }
}

/** A stored place, or undefined when that is not one. */
export function parseAuditPlace(value: unknown): AuditPlace | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { bootId, serial, timeMs, rulesGone } = value as Record<string, unknown>;
  const valid =
    typeof bootId === 'string' &&
    Number.isSafeInteger(serial) &&
    Number.isFinite(timeMs) &&
    typeof rulesGone === 'boolean';
  return valid ? { bootId, serial: Number(serial), timeMs: Number(timeMs), rulesGone } : undefined;
}
