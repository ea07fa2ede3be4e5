/** Records that wait that long together below the latest time mean that the clock was set back. */
const mostBelow = 256;
/** Records of user space of the same moment may stand the wrong way round. */
const toleranceMs = 1000;

/**
 * How much time has passed in a log, from the stamps of its records.
 *
 * A system call is stamped when it begins, and logged when it ends: an accept that waited an hour for its client has a
 * stamp an hour old. So a step back of a call says nothing, and the step forward after it is none. Records of user space
 * have the time at which they were written: what steps back there is a clock that was set, another file, another boot.
 */
export class LogTime {
  private latestMs: number | undefined;
  private passedMs = 0;
  private below = 0;
  private latestBelowMs = -Infinity;

  /**
   * @param timeMs the stamp of the next record, ms since the epoch
   * @param isExact it was stamped when it was written
   * @returns milliseconds since the first record; never less than before
   */
  see(timeMs: number, isExact: boolean): number {
    const latestMs = this.latestMs ?? timeMs;
    if (timeMs >= latestMs) {
      this.passedMs += timeMs - latestMs;
      this.goOnFrom(timeMs);
      return this.passedMs;
    }
    this.below++;
    this.latestBelowMs = Math.max(this.latestBelowMs, timeMs);
    if (isExact && timeMs < latestMs - toleranceMs) this.goOnFrom(timeMs);
    else if (this.below >= mostBelow) this.goOnFrom(this.latestBelowMs);
    return this.passedMs;
  }

  private goOnFrom(timeMs: number): void {
    this.latestMs = timeMs;
    this.below = 0;
    this.latestBelowMs = -Infinity;
  }
}
