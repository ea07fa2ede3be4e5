import type { Host } from '../interface/host.js';
import type { InstalledPackage } from './databases/package.js';
import { type FurtherFacts, furtherFacts } from './licences/further.js';
import { forgetSpdxIds } from './licences/spdx.js';

/** After a file nothing is read for so many times as long as it took. */
const restFactor = 3;
const shortestRestMs = 1;
/** A look is given up after two minutes; what comes later is told without a licence. */
const longestMs = 60_000;

/**
 * Reads the licences of many packages, a file each, so slowly that nothing else waits for it: a device with 2,000 packages
 * takes some seconds, once in 30 days.
 */
export class LicenseLook {
  private readonly endMs: number;
  private notRead = 0;

  constructor(
    private readonly host: Pick<Host, 'clock' | 'paths'>,
    private readonly signal: AbortSignal,
  ) {
    this.endMs = host.clock.monotonicMs() + longestMs;
  }

  get limitation(): string | undefined {
    if (this.notRead === 0) return undefined;
    return `The licences of ${this.notRead} packages were not read, because that would have taken too long.`;
  }

  /** What is known of the package beside its database; undefined when there was no time. */
  async of(found: InstalledPackage): Promise<FurtherFacts | undefined> {
    const { clock, paths } = this.host;
    const startMs = clock.monotonicMs();
    if (startMs > this.endMs) {
      this.notRead++;
      return undefined;
    }
    const facts = await furtherFacts(paths, found, this.signal);
    const restMs = Math.max(shortestRestMs, restFactor * (clock.monotonicMs() - startMs));
    await new Promise<void>((resolve) => void clock.after(restMs, resolve));
    this.signal.throwIfAborted();
    return facts;
  }

  end(): void {
    forgetSpdxIds();
  }
}
