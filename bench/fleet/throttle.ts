/*
 * What the hub does beyond its limit is published only in words: bursts are absorbed, then queued, then refused. The
 * figures here are on the strict side: one second of the limit is absorbed, ten seconds of it are queued.
 */
const burstSeconds = 1;
const queueSeconds = 10;

export interface ThrottleFigures {
  readonly asked: number;
  /** In one second. */
  readonly peak: number;
  readonly queued: number;
  readonly longestWaitMs: number;
  readonly refused: number;
  readonly lastMs: number;
  /** Asked for in each second. */
  readonly perSecond: readonly number[];
}

/** A token bucket that goes into debt as long as the hub would queue. */
export class Throttle {
  private tokens: number;
  private tokensAtMs = 0;
  private queued = 0;
  private refused = 0;
  private asked = 0;
  private longestWaitMs = 0;
  private lastMs = 0;
  private readonly perSecond: number[] = [];

  constructor(private readonly limit: number) {
    this.tokens = limit * burstSeconds;
  }

  /** @returns how long the request waits in the hub, or undefined when it is refused */
  ask(nowMs: number): number | undefined {
    const second = Math.floor(nowMs / 1000);
    while (this.perSecond.length <= second) this.perSecond.push(0);
    this.perSecond[second] = (this.perSecond[second] ?? 0) + 1;
    this.asked += 1;
    const earned = ((nowMs - this.tokensAtMs) / 1000) * this.limit;
    this.tokens = Math.min(this.limit * burstSeconds, this.tokens + earned);
    this.tokensAtMs = nowMs;
    if (this.tokens - 1 < -this.limit * queueSeconds) {
      this.refused += 1;
      return undefined;
    }
    this.tokens -= 1;
    this.lastMs = nowMs;
    if (this.tokens >= 0) return 0;
    const waitMs = (-this.tokens / this.limit) * 1000;
    this.queued += 1;
    this.longestWaitMs = Math.max(this.longestWaitMs, waitMs);
    return waitMs;
  }

  figures(): ThrottleFigures {
    const { asked, queued, refused, longestWaitMs, lastMs, perSecond } = this;
    const peak = perSecond.reduce((most, count) => Math.max(most, count), 0);
    return { asked, peak, queued, longestWaitMs, refused, lastMs, perSecond };
  }
}
