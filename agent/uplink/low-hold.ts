import type { Clock, Timer } from '../../base/clock.js';
import type { CurrentSettings } from '../../config/settings.js';
import type { Moments } from '../fleet/fleet-moments.js';
import type { DailyUnits } from './daily-units.js';

/** Over which what waited for midnight is spread. */
const longestNewDayMs = 60 * 60_000;

interface LowHoldOptions {
  readonly units: Pick<DailyUnits, 'reached' | 'lowDelayed'>;
  readonly clock: Clock;
  readonly settings: CurrentSettings<'lowPriorityMessageFrequency'>;
  readonly moments: Pick<Moments, 'nextMs'>;
  /** The daily cap begins to delay Low events. */
  readonly onLowDelayed: () => void;
  /** Low events wait no longer. */
  readonly onReleased: () => void;
}

/** Whether Low events wait for the next day, because the cap of metered units is reached. */
export class LowHold {
  private waits = false;
  /** The new day has begun, the moment of this device in it not yet. */
  private newDay: Timer | undefined;

  constructor(private readonly options: LowHoldOptions) {}

  get holds(): boolean {
    return this.newDay !== undefined || this.options.units.reached;
  }

  /** Low events were due and had to wait. */
  delayed(): void {
    if (!this.waits) {
      this.options.units.lowDelayed();
      this.options.onLowDelayed();
    }
    this.waits = true;
  }

  /** Low events are sent. */
  passed(): void {
    this.waits = false;
  }

  /** What waited for midnight waits for a moment of this device too: midnight is the same for the whole fleet. */
  dayBegun(): void {
    if (!this.waits) return;
    const { clock, moments, onReleased, settings } = this.options;
    const spreadMs = Math.min(longestNewDayMs, settings.current.lowPriorityMessageFrequency.ms);
    this.newDay?.cancel();
    this.newDay = clock.after(moments.nextMs('low', spreadMs), () => {
      this.newDay = undefined;
      onReleased();
    });
  }

  stop(): void {
    this.newDay?.cancel();
  }
}
