import type { Clock, Timer } from '../../base/clock.js';
import { utcText } from '../../base/timestamps.js';

const dayMs = 86_400_000;
/** From so many days before its end on it is warned of, once a day. */
export const warnedDays = 30;

interface CertificateWatchOptions {
  readonly clock: Clock;
  /** Tells the operator and the hub. */
  readonly warn: (sentence: string) => void;
  readonly path: string;
  /** Until when the certificate in the file is valid, milliseconds since the epoch; rejects where it cannot be read. */
  readonly read: () => Promise<number>;
  /** Another certificate was found. */
  readonly onChange: () => void;
}

/**
 * Knows until when the certificate of this device is valid. The file is looked at on start, once a day, and when a
 * connection was made, because it may have been replaced. That it cannot be read is told by whoever needs it.
 */
export class CertificateWatch {
  private timer: Timer | undefined;
  private isStopped = false;
  private endMs: number | undefined;

  constructor(private readonly options: CertificateWatchOptions) {}

  /** Milliseconds since the epoch; undefined until the file was read. */
  get validToMs(): number | undefined {
    return this.endMs;
  }

  async start(): Promise<void> {
    await this.look();
    this.warn();
    this.tomorrow();
  }

  stop(): void {
    this.isStopped = true;
    this.timer?.cancel();
  }

  /** Reads the file. Never rejects. */
  async look(): Promise<void> {
    const endMs = await this.options.read().catch(() => this.endMs);
    if (endMs === this.endMs) return;
    this.endMs = endMs;
    this.options.onChange();
  }

  private tomorrow(): void {
    if (this.isStopped) return;
    this.timer = this.options.clock.after(dayMs, () => {
      void this.look().then(() => {
        this.warn();
        this.tomorrow();
      });
    });
  }

  private warn(): void {
    const { clock, path, warn } = this.options;
    if (this.endMs === undefined) return;
    const days = (this.endMs - clock.wallMs()) / dayMs;
    if (days > warnedDays) return;
    const when =
      days < 0 ? 'has expired: it was valid' : `expires in ${Math.floor(days)} days: it is valid`;
    warn(
      `The certificate in ${path} ${when} until ${utcText(this.endMs)}. Replace the file by a new one, which is taken up at the next connect.`,
    );
  }
}
