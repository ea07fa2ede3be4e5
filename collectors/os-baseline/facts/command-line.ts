import type { SubjectReader } from './fact-reader.js';
import { mapReading } from './reading.js';

/** The words that the kernel was started with. */
export interface CommandLine {
  readonly words: readonly string[];
  /** The value of the last `name=value`, '' for the bare word, undefined where neither is there. */
  valueOf(name: string): string | undefined;
  /** All values of a word that may be given several times, as `console`. */
  valuesOf(name: string): readonly string[];
}

/** /proc/cmdline: words between blanks; quotes hold a value together (kernel-parameters). */
export function parseCommandLine(text: string): CommandLine {
  const words = (text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []).map((word) => word.replaceAll('"', ''));
  const valuesOf = (name: string): string[] =>
    words.flatMap((word) => {
      if (word === name) return [''];
      return word.startsWith(`${name}=`) ? [word.slice(name.length + 1)] : [];
    });
  return { words, valuesOf, valueOf: (name) => valuesOf(name).at(-1) };
}

export const readCommandLine: SubjectReader<CommandLine> = async ({ files }) =>
  mapReading(await files.text('/proc/cmdline', 65_536), parseCommandLine);
