import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.js';
import { reasonOf } from '../../base/errors.js';
import { isJsonObject, parseJson, type JsonObject, type JsonValue } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { Turns } from '../../base/turns.js';
import { stateNames } from '../state/state-directory.js';
import { readStateFile, writeFileAtomically } from '../state/state-file.js';

/** Losses count in memory and reach the disk at most this late; a write a minute at the most spares the flash. */
const saveDelayMs = 60_000;
/** For the number of events that are gone for good: a process that is killed must not take it along. */
const urgentDelayMs = 5_000;
/** A count for each cause of each component takes far less. */
const largestBytes = 262_144;

/**
 * The file of numbers that must survive a restart: losses that the hub may not have heard of, and what was already said.
 * A missing or damaged file starts them again; it is never a reason not to start.
 */
export class CountersFile {
  private readonly path: string;
  private timer: Timer | undefined;
  private dueMs = Infinity;
  private readonly turns = new Turns();

  constructor(
    stateDirectory: string,
    private readonly clock: Clock,
    private readonly log: Log,
    private readonly content: () => JsonObject,
  ) {
    this.path = join(stateDirectory, stateNames.counters);
  }

  async load(): Promise<JsonObject> {
    try {
      const text = await readStateFile(this.path, largestBytes);
      if (text === undefined) return {};
      const stored = parseJson(text);
      return isJsonObject(stored) ? stored : {};
    } catch {
      this.log.warn(`The counters in ${this.path} cannot be read and start again from zero.`);
      return {};
    }
  }

  changed(urgent = false): void {
    const delayMs = urgent ? urgentDelayMs : saveDelayMs;
    const dueMs = this.clock.monotonicMs() + delayMs;
    if (dueMs >= this.dueMs) return;
    this.timer?.cancel();
    this.dueMs = dueMs;
    this.timer = this.clock.after(delayMs, () => void this.save());
  }

  /** Resolves when the numbers of this moment are on disk, or could not be written; never rejects. */
  save(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    this.dueMs = Infinity;
    return this.turns.run(() => this.write());
  }

  private async write(): Promise<void> {
    try {
      await writeFileAtomically(this.path, `${JSON.stringify(this.content())}\n`);
    } catch (error) {
      const reason = reasonOf(error);
      this.log.warn(`The counters could not be written to ${this.path}: ${reason}.`);
    }
  }
}

/** The non-negative whole numbers of a stored object, two levels deep; everything else is left out. */
export function storedCounts(value: JsonValue | undefined): Record<string, Record<string, number>> {
  if (!isJsonObject(value)) return {};
  const counts: Record<string, Record<string, number>> = {};
  for (const [component, causes] of Object.entries(value)) {
    if (!isJsonObject(causes)) continue;
    const numbers = Object.entries(causes).filter(
      (entry): entry is [string, number] => Number.isSafeInteger(entry[1]) && Number(entry[1]) >= 0,
    );
    counts[component] = Object.fromEntries(numbers);
  }
  return counts;
}
