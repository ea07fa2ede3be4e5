import type { Host } from '../../interface/host.js';
import type { HostFiles } from './host-files.js';
import type { Reading } from './reading.js';

/** What a reader of facts may use. */
export interface FactContext {
  readonly host: Host;
  readonly files: HostFiles;
  readonly signal: AbortSignal;
  /** Says what could not be seen, as a sentence, where the fact is given all the same. */
  readonly limit: (sentence: string) => void;
}

/** Reads one fact of the device. Throws only when the signal is aborted. */
export type SubjectReader<T> = (context: FactContext) => Promise<Reading<T>>;

/** Reads the facts of all `names` at once, for example the states of all files that checks ask for. */
export type NamedReader<T> = (
  names: readonly string[],
  context: FactContext,
) => Promise<ReadonlyMap<string, Reading<T>>>;

/** A reader of many facts out of one that reads a single one. */
export function oneByOne<T>(
  read: (name: string, context: FactContext) => Promise<Reading<T>>,
): NamedReader<T> {
  return async (names, context) => {
    const readings = new Map<string, Reading<T>>();
    for (const name of names) readings.set(name, await read(name, context));
    return readings;
  };
}
