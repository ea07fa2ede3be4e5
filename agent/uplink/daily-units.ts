import { clockIsSetAfterMs, type Clock } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import { isJsonObject, parseJson } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { Turns } from '../../base/turns.js';
import { readStateFile, writeFileAtomically } from '../state/state-file.js';

/** Calls `action` at each midnight UTC; gives what ends that. */
export type AtMidnight = (action: () => void) => (() => void) | Promise<() => void>;

/** What reads and follows an expression takes 5 MB, so it is loaded by whoever has a cap. */
export const atMidnightUtc: AtMidnight = async (action) => {
  const { schedule } = await import('node-cron');
  const task = schedule('0 0 * * *', action, {
    timezone: 'UTC',
    suppressMissedWarning: true,
    unref: true,
  });
  // A device that slept through midnight begins its day when it wakes.
  task.on('execution:missed', action);
  return () => void task.destroy();
};

interface DailyUnitsOptions {
  /** 0 = no cap. */
  readonly maxUnits: number;
  readonly path: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly atMidnight?: AtMidnight;
}

/** Of the present day, UTC. */
export interface UnitCounts {
  /** Handed to the hub, acknowledged or not, and each time anew: it may have metered them all. The cap counts these. */
  readonly unitsToday: number;
  readonly messagesToday: number;
  /** What the hub is known to have. */
  readonly acknowledgedUnitsToday: number;
  readonly acknowledgedMessagesToday: number;
  readonly maxUnitsPerDay: number;
  readonly lowDelays: number;
}

interface Day {
  readonly day: string;
  units: number;
  messages: number;
  acknowledgedUnits: number;
  acknowledgedMessages: number;
}

const newDay = (day: string): Day => ({
  day,
  units: 0,
  messages: 0,
  acknowledgedUnits: 0,
  acknowledgedMessages: 0,
});

/**
 * The metered units of a UTC day, counted against a cap.
 *
 * 1. A unit counts when it is handed to the hub, and each time anew: the hub may have metered them all.
 * 2. With a cap the count is written at each message, so that a restart does not begin it anew; without one only at the
 *    end.
 * 3. A clock that goes back takes nothing off the count. While the clock is not set, the count keeps the day it has.
 * 4. That the cap is reached is logged once a day.
 */
export class DailyUnits {
  private today = newDay('');
  private delayed = 0;
  private saidOn = '';
  private readonly turns = new Turns();
  private stopMidnight: (() => void) | undefined;

  constructor(private readonly options: DailyUnitsOptions) {}

  /** @param onNewDay called when a new day has begun */
  async start(onNewDay: () => void): Promise<void> {
    const stored = await readStateFile(this.options.path, 4096).then(
      (text) => (text === undefined ? undefined : parseStored(text)),
      () => undefined,
    );
    if (stored !== undefined) this.today = stored;
    if (this.options.maxUnits === 0) return;
    this.stopMidnight = await (this.options.atMidnight ?? atMidnightUtc)(onNewDay);
  }

  /** Resolves when the count is on disk. */
  async stop(): Promise<void> {
    this.stopMidnight?.();
    this.stopMidnight = undefined;
    // Until then nothing depends on the counts but the cap: the disk is spared writes.
    if (this.today.messages > 0) this.writeSoon();
    await this.turns.settled();
  }

  /** A message of so many units was handed to the hub. */
  add(units: number): void {
    this.turnDay();
    this.today.units += units;
    this.today.messages += 1;
    if (this.options.maxUnits > 0) this.writeSoon();
  }

  /** The hub acknowledged one of them. */
  acknowledged(units: number): void {
    this.turnDay();
    this.today.acknowledgedUnits += units;
    this.today.acknowledgedMessages += 1;
  }

  private writeSoon(): void {
    const text = JSON.stringify(this.today);
    void this.turns.run(() => this.write(`${text}\n`));
  }

  private async write(text: string): Promise<void> {
    const { log, path } = this.options;
    try {
      await writeFileAtomically(path, text);
    } catch (error) {
      log.debug(`The count of metered units was not written to ${path}: ${reasonOf(error)}.`);
    }
  }

  /** Whether Low events have to wait for the next day. */
  get reached(): boolean {
    this.turnDay();
    const { maxUnits } = this.options;
    return maxUnits > 0 && this.today.units >= maxUnits;
  }

  /** Low events were due and had to wait. Said once a day. */
  lowDelayed(): void {
    this.delayed += 1;
    if (this.saidOn === this.today.day) return;
    this.saidOn = this.today.day;
    this.options.log.warn(
      `The cap of ${this.options.maxUnits} metered units a day (maxUnitsPerDay) is reached: events of low priority wait until 00:00 UTC.`,
    );
  }

  stats(): UnitCounts {
    this.turnDay();
    const { acknowledgedMessages, acknowledgedUnits, messages, units } = this.today;
    return {
      unitsToday: units,
      messagesToday: messages,
      acknowledgedUnitsToday: acknowledgedUnits,
      acknowledgedMessagesToday: acknowledgedMessages,
      maxUnitsPerDay: this.options.maxUnits,
      lowDelays: this.delayed,
    };
  }

  private turnDay(): void {
    const nowMs = this.options.clock.wallMs();
    const today = new Date(nowMs).toISOString().slice(0, 10);
    const { day } = this.today;
    if (today === day) return;
    if (day !== '' && today < day) {
      // The count stays; a clock that is not set yet must not move the day either, or setting it would clear the count.
      if (nowMs >= clockIsSetAfterMs) this.today = { ...this.today, day: today };
      return;
    }
    this.today = newDay(today);
  }
}

/** A file of an earlier version tells what was handed over only; taken as acknowledged, as that version told it. */
function parseStored(text: string): Day | undefined {
  try {
    const stored = parseJson(text);
    if (!isJsonObject(stored)) return undefined;
    const { day, units, messages = 0 } = stored;
    const { acknowledgedUnits = units, acknowledgedMessages = messages } = stored;
    if (typeof day !== 'string' || !/^\d{4}-\d\d-\d\d$/.test(day)) return undefined;
    if (typeof units !== 'number' || units < 0 || typeof messages !== 'number') return undefined;
    if (typeof acknowledgedUnits !== 'number' || typeof acknowledgedMessages !== 'number') {
      return undefined;
    }
    return { day, units, messages, acknowledgedUnits, acknowledgedMessages };
  } catch {
    return undefined;
  }
}
