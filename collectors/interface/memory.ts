import type { JsonObject } from '../../base/json.js';

/**
 * What collectors knew at their last look, also in an earlier run of the agent: by it they see what changed meanwhile.
 * A name is one that the collector chose, of lower-case letters and dashes.
 */
export interface CollectorMemory {
  /**
   * What was written last under the name; undefined when nothing ever was, or it cannot be read: whoever asks has then
   * never looked. What is in the file is data of a stranger: its shape is for the reader to check.
   */
  read(name: string): Promise<JsonObject | undefined>;
  /**
   * Keeps a value, of at most 1 MiB as JSON, in place of the last one of the name. It is written soon after, whole, and
   * not before the events that were emitted until then are journaled: after a crash a change is told again, not lost.
   */
  write(name: string, value: JsonObject): void;
}

/** For whoever looks once, or at what was recorded: nothing is known of before, and nothing is kept. */
export const noMemory: CollectorMemory = {
  read: () => Promise.resolve(undefined),
  write: () => undefined,
};
