import { createHash } from 'node:crypto';

/** What a device does at moments of its own; each purpose has a phase that tells nothing of the others. */
const purposes = ['connection', 'high', 'low', 'snapshot', 'token', 'maintenance'] as const;
export type Purpose = (typeof purposes)[number];

/** 2^40 ms are 34 years, so that even the longest interval is met evenly. */
const bytesPerPurpose = 5;

/**
 * The moments at which one device acts. For each purpose the device has an offset made of its identity; with a period P
 * its moments are all t with t ≡ offset (mod P), on the wall clock. So a fleet is spread evenly over every period
 * whatever happened to it at one moment, a device keeps its moments over restarts, and the moments of a period are also
 * moments of each period that divides it. A clock that is wrong moves the moments of its device and nothing else.
 */
export class DevicePhase {
  private constructor(private readonly offsetsMs: Readonly<Record<Purpose, number>>) {}

  /** @param identity what no two devices share, for example `<hub>/<device>/<module>` */
  static of(identity: string): DevicePhase {
    const digest = createHash('sha256').update(identity).digest();
    const offset = (purpose: Purpose): number =>
      digest.readUIntBE(purposes.indexOf(purpose) * bytesPerPurpose, bytesPerPurpose);
    return new DevicePhase({
      connection: offset('connection'),
      high: offset('high'),
      low: offset('low'),
      maintenance: offset('maintenance'),
      snapshot: offset('snapshot'),
      token: offset('token'),
    });
  }

  /** From `wallMs` to the next moment, which may be now; at least 0 and less than `periodMs`. */
  untilMs(purpose: Purpose, periodMs: number, wallMs: number): number {
    if (periodMs < 1) return 0;
    const untilMs = (this.offsetsMs[purpose] - Math.floor(wallMs)) % periodMs;
    return (untilMs + periodMs) % periodMs;
  }
}
