import { schedule } from 'node-cron';
import type { Clock } from '../../collectors/clock.js';
import { reasonOf } from '../../config/errors.js';
import { isJsonObject, parseJson } from '../../config/json.js';
import type { Log } from '../log.js';
import { clockIsSetAfterMs } from '../time/unset-clock.js';
import { readStateFile, writeFileAtomically } from '../state-directory.js';

/** Calls `action` at each midnight UTC; returns what ends that. */
export type AtMidnight = (action: () => void) => () => void;

export const atMidnightUtc: AtMidnight = (action) => {
  const task = schedule('0 0 * * *', action, {
    timezone: 'UTC',
    suppressMissedWarning: true,
    unref: true,
  });
  // A device that slept through midnight begins its day when it wakes.
  task.on('execution:missed', action);
  return () => void task.destroy();
};

export interface DailyUnitsOptions {
  /** 0 = no cap. */
  readonly maxUnits: number;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly atMidnight?: AtMidnight;
}

/**
 * Counts the metered units of a UTC day against a cap. The count is kept on disk, so that a restart does not begin it
 * anew; a clock that goes back takes nothing off it.
 */
export class DailyUnits {
  private day = '';
  private units = 0;
  private messages = 0;
  private delayed = 0;
  private saidOn = '';
  private writing: Promise<void> = Promise.resolve();
  private stopMidnight: (() => void) | undefined;

  constructor(private readonly options: DailyUnitsOptions) {}

  /** @param onNewDay called when a new day has begun */
  async start(onNewDay: () => void): Promise<void> {
    const stored = await readStateFile(this.options.path, 4096).then(
      (text) => (text === undefined ? undefined : parseStored(text)),
      () => undefined,
    );
    if (stored !== undefined) {
      ({ day: this.day, units: this.units, messages: this.messages } = stored);
    }
    if (this.options.maxUnits === 0) return;
    this.stopMidnight = (this.options.atMidnight ?? atMidnightUtc)(onNewDay);
  }

  /** Resolves when the count is on disk. */
  async stop(): Promise<void> {
    this.stopMidnight?.();
    this.stopMidnight = undefined;
    // Without a cap nothing depends on the count after a crash: the disk is spared a write for every message.
    if (this.options.maxUnits === 0 && this.messages > 0) this.write();
    await this.writing;
  }

  /** A message of so many units was handed to the hub. */
  add(units: number): void {
    this.turnDay();
    this.units += units;
    this.messages += 1;
    if (this.options.maxUnits > 0) this.write();
  }

  private write(): void {
    const { path } = this.options;
    const text = JSON.stringify({ day: this.day, units: this.units, messages: this.messages });
    this.writing = this.writing
      .then(() => writeFileAtomically(path, `${text}\n`))
      .catch((error: unknown) => {
        const reason = reasonOf(error);
        this.options.log.debug(`The count of metered units was not written to ${path}: ${reason}.`);
      });
  }

  /** Whether Low events have to wait for the next day. */
  get reached(): boolean {
    this.turnDay();
    const { maxUnits } = this.options;
    return maxUnits > 0 && this.units >= maxUnits;
  }

  /** Low events were due and had to wait. Said once a day. */
  lowDelayed(): void {
    this.delayed += 1;
    if (this.saidOn === this.day) return;
    this.saidOn = this.day;
    this.options.log.warn(
      `The cap of ${this.options.maxUnits} metered units a day (maxUnitsPerDay) is reached: events of low priority wait until 00:00 UTC.`,
    );
  }

  stats(): {
    unitsToday: number;
    messagesToday: number;
    maxUnitsPerDay: number;
    lowDelays: number;
  } {
    this.turnDay();
    return {
      unitsToday: this.units,
      messagesToday: this.messages,
      maxUnitsPerDay: this.options.maxUnits,
      lowDelays: this.delayed,
    };
  }

  private turnDay(): void {
    const nowMs = this.options.clock.wallMs();
    const today = new Date(nowMs).toISOString().slice(0, 10);
    if (today === this.day) return;
    if (this.day !== '' && today < this.day) {
      // The count stays; a clock that is not set yet must not move the day either, or setting it would clear the count.
      if (nowMs >= clockIsSetAfterMs) this.day = today;
      return;
    }
    this.day = today;
    this.units = 0;
    this.messages = 0;
  }
}

function parseStored(text: string): { day: string; units: number; messages: number } | undefined {
  try {
    const stored = parseJson(text);
    if (!isJsonObject(stored)) return undefined;
    const { day, units, messages = 0 } = stored;
    if (typeof day !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
    if (typeof units !== 'number' || units < 0 || typeof messages !== 'number') return undefined;
    return { day, units, messages };
  } catch {
    return undefined;
  }
}
