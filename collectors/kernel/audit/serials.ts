/**
 * Finds skipped serial numbers in the audit stream. A serial is taken when the first record of an event is begun, but
 * records are queued when they are finished, so events of different processors overtake one another. Hence a serial
 * counts as skipped only when it has not come `toleranceMs` after a higher one was seen, which is far longer than a
 * record stays unfinished. Serials before the first one seen are not missed: the reader was not there.
 */
export class SerialGaps {
  private highest: number | undefined;
  private readonly missing: Missing[] = [];

  /** Notes that a record with this serial came. */
  see(serial: number, nowMs: number): void {
    if (this.highest === undefined || serial === this.highest + 1) {
      this.highest = serial;
    } else if (serial > this.highest) {
      this.missing.push({ first: this.highest + 1, last: serial - 1, sinceMs: nowMs });
      this.highest = serial;
    } else if (this.missing.length > 0 && serial < this.highest) this.found(serial);
  }

  /** How many serials are given up now: each is counted once. */
  expire(nowMs: number): number {
    let count = 0;
    for (;;) {
      const oldest = this.missing[0];
      const due =
        oldest !== undefined &&
        (nowMs - oldest.sinceMs >= toleranceMs || this.missing.length > maxRanges);
      if (!due) return count;
      count += oldest.last - oldest.first + 1;
      this.missing.shift();
    }
  }

  /** How many serials are missing at the end of the stream: nothing will come any more. */
  giveUp(): number {
    return this.missing.splice(0).reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  get waiting(): boolean {
    return this.missing.length > 0;
  }

  private found(serial: number): void {
    const index = this.missing.findIndex(({ first, last }) => first <= serial && serial <= last);
    const range = this.missing[index];
    if (range === undefined) return;
    const rest = [
      { ...range, last: serial - 1 },
      { ...range, first: serial + 1 },
    ].filter(({ first, last }) => first <= last);
    this.missing.splice(index, 1, ...rest);
  }
}

interface Missing {
  readonly first: number;
  readonly last: number;
  readonly sinceMs: number;
}

const toleranceMs = 2000;
const maxRanges = 256;
