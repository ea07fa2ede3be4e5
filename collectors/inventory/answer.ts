import { isJsonObject, type JsonObject } from '../../base/json.js';
import { printable } from '../../base/text.js';
import { type InventoryName, longestOutput } from './names.js';

/**
 * How asking a program came out:
 * - `ended`: it ran to its end, which `exitStatus` judges.
 * - `absent`: it is not on the device.
 * - `notLoaded`: it was not asked, because that would load the part of the kernel that it is about, which therefore
 *   holds nothing.
 * - `cut`: it was ended because its output was too long; `stdout` is the beginning.
 * - `late`: it was ended because it took too long; `stdout` is what it had said.
 * - `failed`: it could not be started, or was ended by a signal; `error` says why.
 */
export const programOutcomes = ['ended', 'absent', 'notLoaded', 'cut', 'late', 'failed'] as const;
export type ProgramOutcome = (typeof programOutcomes)[number];

export interface ProgramAnswer {
  /** Its name without a directory: `nft`. */
  readonly program: string;
  readonly outcome: ProgramOutcome;
  /** Which file was run, symbolic links resolved; absent where none was. */
  readonly path?: string;
  /** Present where it ended by itself. */
  readonly exitStatus?: number;
  readonly stdout: string;
  /** The first line that it wrote to standard error, unprintable characters escaped; empty for none. */
  readonly error: string;
}

/** What one run of the inventory process found. */
export interface InventoryAnswer {
  readonly name: InventoryName;
  /** In the order in which they were asked. */
  readonly programs: readonly ProgramAnswer[];
  /** What a package found, by the call; whoever reads it checks what is in it. */
  readonly facts: JsonObject;
}

const mostPrograms = 16;
const longestName = 64;
const longestPath = 4095;
export const longestError = 300;

/**
 * Reads the answer of the inventory process, which ran programs and is trusted no more than they are: every member is
 * checked, and none is taken over that is not known.
 * @throws Error whose message completes "the answer …"
 */
export function readInventoryAnswer(text: string, name: InventoryName): InventoryAnswer {
  let answer: unknown;
  try {
    // Not parseJson: megabytes of text in one string, of which only strings and numbers at known places are taken.
    answer = JSON.parse(text);
  } catch {
    throw new Error('is cut off, or not JSON');
  }
  if (!isJsonObject(answer)) throw new Error('is no JSON object');
  if (answer['name'] !== name) throw new Error(`is not about ${name}`);
  const { programs, facts } = answer;
  if (!Array.isArray(programs) || programs.length > mostPrograms)
    throw new Error('names no programs, or too many');
  if (!isJsonObject(facts)) throw new Error('has no facts');
  return { name, programs: programs.map(readProgram), facts };
}

function readProgram(entry: unknown): ProgramAnswer {
  if (!isJsonObject(entry)) throw new Error('has a program that is no JSON object');
  const program = textOf(entry, 'program', longestName);
  const stdout = textOf(entry, 'stdout', longestOutput);
  const error = printable(textOf(entry, 'error', longestPath), longestError);
  const outcome = programOutcomes.find((known) => known === entry['outcome']);
  if (outcome === undefined) throw new Error(`has no known outcome of ${printable(program)}`);
  const { exitStatus, path } = entry;
  if (exitStatus !== undefined && !isExitStatus(exitStatus))
    throw new Error(`has no exit status of ${printable(program)}`);
  return {
    program,
    outcome,
    ...(path !== undefined && { path: textOf(entry, 'path', longestPath) }),
    ...(exitStatus !== undefined && { exitStatus }),
    stdout,
    error,
  };
}

function isExitStatus(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255;
}

function textOf(entry: JsonObject, key: string, maxLength: number): string {
  const value = entry[key];
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw new Error(`has no ${key} of a program, or one that is too long`);
}
