import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../../base/clock.js';
import { plainReason } from '../../base/errors.js';
import { isJsonObject, parseJson, type JsonObject } from '../../base/json.js';
import { Turns } from '../../base/turns.js';
import type { CollectorMemory } from '../../collectors/interface/memory.js';
import { stateNames } from './state-directory.js';
import { readStateFile, writeFileAtomically } from './state-file.js';

/** Several looks end together; what they learned is written at once. */
const writeDelayMs = 1_000;
/** A disk that takes nothing is tried again. */
const retryMs = 60_000;
export const longestMemoryBytes = 1_048_576;

interface KeptMemoryOptions {
  readonly stateDirectory: string;
  readonly clock: Clock;
  /** Resolves when what was emitted so far is journaled, or cannot be. */
  readonly journaled: () => Promise<void>;
  readonly onProblem: (sentence: string) => void;
}

/**
 * What the collectors remember, each name in a file of its own in the state directory.
 *
 * 1. A file holds one whole value: the last one, or that before it.
 * 2. No value is written before the events that were emitted before it are journaled.
 * 3. What cannot be written is told once and tried again; until then it waits in memory, the newest value of a name alone.
 * 4. Nothing runs while nothing is written.
 */
export class KeptMemory implements CollectorMemory {
  private readonly waiting = new Map<string, string>();
  private readonly failed = new Set<string>();
  private readonly turns = new Turns();
  private timer: Timer | undefined;

  constructor(private readonly options: KeptMemoryOptions) {}

  async read(name: string): Promise<JsonObject | undefined> {
    try {
      const text =
        this.waiting.get(name) ?? (await readStateFile(this.pathOf(name), longestMemoryBytes));
      if (text === undefined) return undefined;
      const value = parseJson(text);
      return isJsonObject(value) ? value : undefined;
    } catch (error) {
      this.options.onProblem(
        `What was remembered in ${this.pathOf(name)} cannot be read (${plainReason(error)}); changes since then are not noticed, those from now on are.`,
      );
      return undefined;
    }
  }

  write(name: string, value: JsonObject): void {
    // Turned into text at once: the caller may go on changing what it gave.
    this.waiting.set(name, `${JSON.stringify(value)}\n`);
    this.writeLater(writeDelayMs);
  }

  /** Resolves when everything that waits is written, or cannot be; never rejects. */
  save(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    return this.turns.run(() => this.writeAll());
  }

  private pathOf(name: string): string {
    return join(this.options.stateDirectory, stateNames.memory, `${name}.json`);
  }

  private writeLater(delayMs: number): void {
    this.timer ??= this.options.clock.after(delayMs, () => void this.save());
  }

  private async writeAll(): Promise<void> {
    const values = [...this.waiting];
    if (values.length === 0) return;
    await this.options.journaled().catch(() => undefined);
    for (const [name, text] of values) {
      const problem = await this.put(this.pathOf(name), text);
      if (problem === undefined) {
        this.failed.delete(name);
      } else if (!this.failed.has(name)) {
        this.failed.add(name);
        this.options.onProblem(
          `What is remembered for the next start could not be written to ${this.pathOf(name)}: ${problem}. Until it can, changes may be told again after a restart; make room there, and see that the directory belongs to the agent.`,
        );
      }
      const isOver = problem === undefined || isTooLong(text);
      if (isOver && this.waiting.get(name) === text) this.waiting.delete(name);
    }
    if (this.waiting.size > 0) this.writeLater(retryMs);
  }

  /** @returns why it could not be written; undefined when it was */
  private async put(path: string, text: string): Promise<string | undefined> {
    try {
      if (isTooLong(text)) {
        // The value before it is too old: what was told since would be told again at each start.
        await rm(path, { force: true });
        return `it is longer than ${longestMemoryBytes} bytes`;
      }
      await writeFileAtomically(path, text);
      return undefined;
    } catch (error) {
      return plainReason(error);
    }
  }
}

function isTooLong(text: string): boolean {
  return Buffer.byteLength(text) > longestMemoryBytes;
}
