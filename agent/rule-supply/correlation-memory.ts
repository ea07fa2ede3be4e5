import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.js';
import { plainReason } from '../../base/errors.js';
import { type JsonObject, type JsonValue, parseJson } from '../../base/json.js';
import type { Log } from '../../base/log.js';
import { Turns } from '../../base/turns.js';
import { stateNames } from '../state/state-directory.js';
import { readStateFile, writeFileAtomically } from '../state/state-file.js';

/** A crash forgets at most this of what is counted; a write in so long spares the flash. */
const saveDelayMs = 5 * 60_000;
/** Of the fullest windows, see `limits` of detection, with the longest keys and values. */
const largestBytes = 4 * 1024 * 1024;
const deepest = 8;

interface CorrelationMemoryOptions {
  readonly stateDirectory: string;
  readonly clock: Pick<Clock, 'after'>;
  readonly log: Pick<Log, 'warn'>;
  /** What is counted now, from `Detector.save`; undefined where there is nothing to be kept. */
  readonly content: () => JsonObject | undefined;
}

/**
 * What correlations have counted, over a restart. The file is written some minutes after something was counted and at the
 * end, and never while nothing is. One that is missing, damaged or too large only means that counting begins anew.
 */
export class CorrelationMemory {
  private readonly path: string;
  private timer: Timer | undefined;
  private isChanged = false;
  private hasFailed = false;
  private readonly turns = new Turns();

  constructor(private readonly options: CorrelationMemoryOptions) {
    this.path = join(options.stateDirectory, stateNames.correlations);
  }

  /** For `Detector.restore`, which takes whatever it is given; undefined where nothing was kept. Never rejects. */
  async load(): Promise<JsonValue | undefined> {
    try {
      const text = await readStateFile(this.path, largestBytes);
      return text === undefined
        ? undefined
        : parseJson(text, { maxLength: largestBytes, maxDepth: deepest });
    } catch (error) {
      this.options.log.warn(
        `What correlations had counted cannot be read from ${this.path}: ${plainReason(error)}. They count anew.`,
      );
      return undefined;
    }
  }

  /** Something was counted. */
  changed(): void {
    this.isChanged = true;
    this.timer ??= this.options.clock.after(saveDelayMs, () => void this.save());
  }

  /** Resolves when what is counted now is on disk, or could not be written; never rejects. */
  save(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    return this.turns.run(() => this.write());
  }

  private async write(): Promise<void> {
    const content = this.isChanged ? this.options.content() : undefined;
    if (content === undefined) return;
    this.isChanged = false;
    try {
      await writeFileAtomically(this.path, `${JSON.stringify(content)}\n`);
      this.hasFailed = false;
    } catch (error) {
      if (!this.hasFailed)
        this.options.log.warn(
          `What correlations have counted could not be written to ${this.path}: ${plainReason(error)}. After a restart they count anew.`,
        );
      this.hasFailed = true;
      this.changed();
    }
  }
}
